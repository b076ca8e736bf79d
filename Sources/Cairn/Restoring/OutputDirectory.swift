import CairnCore
import Glibc

/// A directory that files were restored into.
enum OutputDirectory {
  /// `root`, and all directories below it that lead to files, which are relative paths; the deepest come first.
  static func directories(of files: [String], in root: String) -> [String] {
    // By their bytes: strings that only look the same are one key to Swift.
    var directories: [[UInt8]: Int] = [:]
    for file in files {
      var path = Array(file.utf8)
      while let slash = path.lastIndex(of: UInt8(ascii: "/")) {
        path.removeSubrange(slash...)
        let depth = path.count { $0 == UInt8(ascii: "/") } + 1
        if directories.updateValue(depth, forKey: path) != nil { break }
      }
    }
    return directories.sorted { $0.value > $1.value }.map { root + "/" + String(decoding: $0.key, as: UTF8.self) }
      + [root]
  }

  /// Makes the names in it durable.
  static func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CairnError.system("open", path, errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw CairnError.system("fsync", path, errno) }
  }
}
