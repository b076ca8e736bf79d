import Cairn

// What each function does, and what it expects, is said in cairn.h, which is its documentation for callers.

@c(cairn_initialize)
public func initialize(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    var members = try Members(options, "options")
    let chunkSize = try members.int("chunk_size") ?? 8 << 20
    let journal = try members.string("journal").map { name in
      guard let journal = JournalMode(rawValue: name) else {
        throw CairnError(.invalid, "options: there is no journal mode \(name)", advice: "wal or delete")
      }
      return journal
    }
    try members.end()
    Repository.ownSQLite()
    let repository = try Repository.initialize(
      text(path, "path"), chunkSize: chunkSize, journal: journal, logger: CallbackLog.logger)
    try Handle.give(repository, result, "the repository")
  }
}

@c(cairn_open)
public func openRepository(
  _ path: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<OpaquePointer?>?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    Repository.ownSQLite()
    try Handle.give(
      try Repository(opening: text(path, "path"), logger: CallbackLog.logger), result, "the repository")
  }
}

@c(cairn_discover)
public func discover(_ directory: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) {
    result?.pointee = nil
    let discovery = RepositoryDiscovery()
    guard let found = discovery.nearest(from: try text(directory, "directory")) else { return }
    try discovery.requireTrust(found)
    if let result { result.pointee = try copied(found.utf8).assumingMemoryBound(to: CChar.self) }
  }
}

@c(cairn_require_trust)
public func requireTrust(_ path: UnsafePointer<CChar>?, _ error: StringResult?) -> Int32 {
  attempt(error) { try RepositoryDiscovery().requireTrust(PathName.absolute(text(path, "path"))) }
}

@c(cairn_close)
public func closeRepository(_ repository: OpaquePointer?) { Handle.close(repository, Repository.self) }

@c(cairn_repository_info)
public func repositoryInfo(_ handle: OpaquePointer?) -> UnsafeMutablePointer<CChar>? {
  guard let repository = try? Handle.object(handle, Repository.self) else { return nil }
  return try? copied([
    "id": .string(repository.configuration.id), "path": .string(repository.path), "base": JSONValue(repository.base),
    "journal": .string(repository.configuration.journal.rawValue),
    "chunk_size": JSONValue(repository.configuration.chunkSize), "writable": .bool(repository.isWritable),
  ])
}

@c(cairn_name_for_file)
public func nameForFile(
  _ handle: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let name = try Handle.object(handle, Repository.self).name(forFile: text(path, "path"))
    if let result { result.pointee = try copied(name.utf8).assumingMemoryBound(to: CChar.self) }
  }
}
