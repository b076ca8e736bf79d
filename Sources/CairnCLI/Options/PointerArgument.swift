import Cairn
import Foundation

/// A pointer file that an argument names, and what it points to.
struct PointedCheckpoint {
  var file: String
  var pointer: Pointer
  var repository: Repository
  var record: CheckpointRecord
}

extension RepositoryOptions {
  /// What the pointer file of this name points to; nil if there is no such file, or it is no pointer, or one into
  /// another repository than the one that --repo names: then the argument is a name in that one.
  func pointed(_ argument: String, _ console: Console) throws -> PointedCheckpoint? {
    guard let pointer = try Pointer.read(argument) else { return nil }
    let repository: Repository
    if repo != nil {
      repository = try open(console)
      guard repository.configuration.id == pointer.repository else { return nil }
    } else {
      let logger = Self.logger(console)
      repository = try RepositoryDiscovery().repository(of: pointer, at: argument) {
        try Repository(opening: $0, logger: logger)
      }
    }
    return PointedCheckpoint(
      file: argument, pointer: pointer, repository: repository,
      record: try repository.checkpoint(pointer, at: argument))
  }
}

/// Whether the path is a directory, through links.
func isDirectory(_ path: String) -> Bool {
  var isDirectory: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
}

/// A path's last part; nil if that cannot name a file.
func lastPart(_ path: String) -> String? {
  guard let last = path.split(separator: "/").last, last != ".", last != ".." else { return nil }
  return String(last)
}

/// A file of this name in a directory.
func path(in directory: String, _ name: String) -> String {
  directory.hasSuffix("/") ? directory + name : directory + "/" + name
}
