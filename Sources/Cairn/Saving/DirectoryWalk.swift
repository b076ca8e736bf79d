import CairnCore
import Glibc

/// The files below a directory.
enum DirectoryWalk {
  /// Paths of all regular files below `root`, links to files included, relative to it and sorted.
  ///
  /// Throws ``CairnError`` for what cannot be kept: a link to a directory (it may lead in a circle), a device, a
  /// repository, a name that is not UTF-8.
  static func files(in root: String) throws -> [String] {
    var found: [String] = []
    var waiting = [""]
    while let directory = waiting.popLast() {
      let path = directory.isEmpty ? root : root + "/" + directory
      guard access(path + "/cairn.json", F_OK) != 0 else {
        throw CairnError(
          .invalid, "\(path): a repository, which is not kept in a repository",
          advice: "save the files and directories beside it by themselves")
      }
      for name in try names(in: path) {
        let relative = directory.isEmpty ? name : directory + "/" + name
        let path = root + "/" + relative
        var info = stat()
        guard lstat(path, &info) == 0 else { throw CairnError(.io, "\(path): \(String(cString: strerror(errno)))") }
        let isLink = info.st_mode & S_IFMT == S_IFLNK
        if isLink, stat(path, &info) != 0 {
          throw CairnError(
            .invalid, "\(path): a symbolic link to nothing", advice: "remove it, or save the files alone")
        }
        switch info.st_mode & S_IFMT {
        case S_IFREG: found.append(relative)
        case S_IFDIR where !isLink: waiting.append(relative)
        case S_IFDIR:
          throw CairnError(
            .invalid, "\(path): a symbolic link to a directory", advice: "save the directory it points to by itself")
        default: throw CairnError(.invalid, "\(path): neither a file nor a directory")
        }
      }
    }
    return found.sorted()
  }

  private static func names(in path: String) throws -> [String] {
    guard let directory = opendir(path) else {
      throw CairnError(.io, "\(path): cannot list it: \(String(cString: strerror(errno)))")
    }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name else { throw CairnError(.invalid, "\(path): a file in it has a name that is not UTF-8") }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw CairnError(.io, "\(path): cannot list it: \(String(cString: strerror(errno)))") }
    return names
  }
}
