import Cairn
import Foundation

/// A file to be saved, and the name it gets.
struct Source {
  var file: String
  var name: String

  /// Throws if the file is not there, holds the repository, or has no name of its own in it.
  init(_ file: String, as name: String?, in repository: Repository) throws {
    self.file = file
    var information = stat()
    guard stat(file, &information) == 0 else {
      if errno != ENOENT && errno != ENOTDIR { throw CairnError.system("stat", file, errno) }
      throw CairnError(.notFound, "\(file): no such file or directory")
    }
    if information.st_mode & S_IFMT == S_IFDIR {
      let directory = Self.resolved(file)
      let held = Self.resolved(repository.path)
      guard !(held + "/").hasPrefix(directory == "/" ? "/" : directory + "/") else {
        throw CairnError(.invalid, "\(file): holds the repository itself (\(repository.path))")
      }
    }
    if let name {
      self.name = name
      return
    }
    self.name = repository.name(forFile: file)
    if PathName(parsing: self.name).version != nil {
      throw CairnError(
        .invalid, "\(file): a name that ends in @ and digits would read as a version",
        advice: "give it another name with --as")
    }
  }

  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return PathName.absolute(path) }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
