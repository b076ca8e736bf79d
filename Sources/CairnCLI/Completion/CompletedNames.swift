import Cairn

/// Names in a repository that begin as what was typed.
struct CompletedNames {
  let repository: Repository

  /// How many of a kind are offered: more would be of no help.
  static let most = 500

  /// Paths, versions and tags.
  func checkpoints(_ prefix: String) throws -> [String] {
    if let versions = try versions(prefix), !versions.isEmpty { return versions }
    return try paths(prefix) + repository.tagNames(beginningWith: prefix, limit: Self.most)
  }

  /// Paths, as they are and as seen from this directory; of a single one, its versions too: so the shell stops behind it.
  func paths(_ prefix: String) throws -> [String] {
    var found = try repository.paths(beginningWith: prefix, limit: Self.most)
    if let directory = directoryInRepository {
      let own = try repository.paths(beginningWith: directory + prefix, limit: Self.most)
      found = own.map { String($0.dropFirst(directory.count)) } + found
    }
    guard found.count == 1, let path = found.first else { return found }
    return try found + (versions(path + "@") ?? [])
  }

  /// The versions that `path@` and the beginning of a number may mean; nil if it is something else.
  private func versions(_ text: String) throws -> [String]? {
    guard let mark = text.lastIndex(of: "@") else { return nil }
    let (path, digits) = (text[..<mark], text[text.index(after: mark)...])
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    for name in [String(path), (directoryInRepository ?? "") + String(path)] {
      let versions = try repository.versions(of: name, limit: Self.most)
      if !versions.isEmpty { return versions.filter { String($0).hasPrefix(digits) }.map { "\(path)@\($0)" } }
    }
    return nil
  }

  /// What stands before names of files in this directory, with a slash at its end; nil if that is nothing.
  private var directoryInRepository: String? {
    let probe = "x"
    let name = repository.name(forFile: probe)
    guard name != probe, name.hasSuffix("/" + probe), !name.hasPrefix("/") else { return nil }
    return String(name.dropLast(probe.count))
  }

  /// Tensors of the first of the words that names a checkpoint, or is a pointer file.
  func tensors(_ prefix: String, ofFirst words: [String]) throws -> [String] {
    for word in words {
      let record: CheckpointRecord
      if let pointer = try? Pointer.read(word), let found = try? repository.checkpoint(pointer, at: word) {
        record = found
      } else if let found = try? repository.resolve(word) {
        record = found
      } else {
        continue
      }
      return try repository.withCheckpoint(PathName(path: record.path, version: record.version)) { _, stored in
        Array(stored.manifest.tensors.lazy.map(\.name).filter { $0.hasPrefix(prefix) }.prefix(Self.most))
      }
    }
    return []
  }
}
