import Foundation
import GRDB

extension IndexFile {
  /// Opens the index where this user cannot write: SQLite cannot make the shared memory that a WAL needs there.
  static func openWithoutWriting(_ path: String, lock: String) throws -> Connection? {
    guard let stamp = try IndexStamp.current(path) else { return nil }
    let queue = try withReadable(path, lock: lock) { place in
      switch place {
      case .immutable(let uri):
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        return try DatabaseQueue(path: uri, configuration: configuration)
      case .copy(let file):
        let queue = try DatabaseQueue(path: file)
        try queue.read { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
        return queue
      }
    }
    return queue.map { Connection(queue: $0, stamp: stamp) }
  }

  /// What can be read where the index itself cannot be.
  enum Readable {
    /// The index by a URI, as a file that nobody changes.
    case immutable(String)
    /// A file that is gone once it has been opened and read from.
    case copy(String)
  }

  /// Calls `open` with something that can be opened without writing to the repository; nil if there is no index.
  ///
  /// Where nobody can write, the file without a journal is all there is, and cannot change (`immutable=1`). Elsewhere a
  /// private copy is read, taken while no writer has the repository's lock; it is as old as its making.
  static func withReadable<Opened>(
    _ path: String, lock: String, _ open: (Readable) throws -> Opened
  ) throws -> Opened? {
    guard try Files.exists(path) else { return nil }
    let isAlone = try ["-wal", "-journal"].allSatisfy { try Files.status(path + $0)?.size ?? 0 == 0 }
    if isAlone, isOnReadOnlyMedia(path) {
      guard let name = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) else {
        throw CairnError(.invalid, "\(path): cannot be written as a URI")
      }
      return try open(.immutable("file:\(name)?immutable=1"))
    }
    return try withPrivateCopy(of: path, lock: lock) { try open(.copy($0)) }
  }

  private static func isOnReadOnlyMedia(_ path: String) -> Bool {
    var info = statvfs()
    return statvfs(path, &info) == 0 && info.f_flag & UInt(ST_RDONLY) != 0
  }

  private static func withPrivateCopy<Opened>(
    of path: String, lock: String, _ open: (String) throws -> Opened
  ) throws -> Opened {
    let files = FileManager.default
    let copy = files.temporaryDirectory.appendingPathComponent("cairn-index-\(randomID(bytes: 8))")
    try files.createDirectory(at: copy, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    // Open files outlive their names: nothing is left behind when the process ends.
    defer { try? files.removeItem(at: copy) }
    let file = copy.appendingPathComponent(fileName).path
    do {
      let shared = try FileLock.acquireShared(lock)
      defer { shared.release() }
      try files.copyItem(atPath: path, toPath: file)
      for ending in ["-wal", "-journal"] where files.fileExists(atPath: path + ending) {
        try files.copyItem(atPath: path + ending, toPath: file + ending)
      }
    }
    return try open(file)
  }
}
