import CairnCore
import Glibc

/// A directory that files were restored into.
enum OutputDirectory {
  /// Whether a path leads to a place below the directory it is relative to, by text alone.
  static func isInside(_ path: String) -> Bool {
    !path.isEmpty && !path.utf8.contains(0)
      && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { !["", ".", ".."].contains($0) }
  }

  /// Makes the names in it durable.
  static func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CairnError.system("open", path, errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw CairnError.system("fsync", path, errno) }
  }
}
