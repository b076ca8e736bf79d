import Cairn
import Foundation

/// A pointer file that an argument names, and what it points to.
struct PointedCheckpoint {
  var file: String
  var pointer: Pointer
  var repository: Repository
  var record: CheckpointRecord
}

/// A file that an argument names and that holds versions: a pointer, or a full file that the Python plugin wrote.
struct HoldingFile {
  var file: String
  var pointer: Pointer
  var isFull: Bool
  var repository: Repository
}

extension RepositoryOptions {
  /// What the pointer file of this name points to; nil if there is no such file, or it is no pointer, or one into
  /// another repository than the one that --repo names: then the argument is a name in that one.
  func pointed(_ argument: String, _ console: Console) throws -> PointedCheckpoint? {
    guard let pointer = try Pointer.read(argument), let repository = try repository(of: pointer, argument, console)
    else { return nil }
    return PointedCheckpoint(
      file: argument, pointer: pointer, repository: repository,
      record: try repository.checkpoint(pointer, at: argument))
  }

  /// The file of this name that holds versions; nil if there is none, as ``pointed(_:_:)``. What it holds may be gone.
  func holding(_ argument: String, _ console: Console) throws -> HoldingFile? {
    guard let pointer = try Pointer.readHeld(argument), let repository = try repository(of: pointer, argument, console)
    else { return nil }
    return HoldingFile(
      file: argument, pointer: pointer, isFull: try Pointer.read(argument) == nil, repository: repository)
  }

  private func repository(of pointer: Pointer, _ file: String, _ console: Console) throws -> Repository? {
    if repo != nil {
      let repository = try open(console)
      return repository.configuration.id == pointer.repository ? repository : nil
    }
    let logger = Self.logger(console)
    return try RepositoryDiscovery().repository(of: pointer, at: file) { try Repository(opening: $0, logger: logger) }
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
