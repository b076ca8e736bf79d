import CairnCore
import Glibc

/// A directory that files were restored into.
enum OutputDirectory {
  /// Makes the names in it durable.
  static func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CairnError.system("open", path, errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw CairnError.system("fsync", path, errno) }
  }
}
