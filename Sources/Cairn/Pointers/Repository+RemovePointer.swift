import CairnCore
import Glibc

extension Repository {
  /// Unlinks a file that holds versions, durably, and then frees these: what the Python plugin's `remove_checkpoint` does.
  ///
  /// Of a symbolic link only the link goes. Versions with tags stay, and all of them where the file has another hard
  /// link; a warning says so.
  ///
  /// - Parameters:
  ///   - path: The file: a pointer, a full file, or a link to one.
  ///   - pointer: What it holds.
  /// - Throws: ``CairnError``; then nothing was freed, and the file may be there or not.
  public func removePointer(at path: String, holding pointer: Pointer) throws -> Removal {
    let file = PathName.absolute(path)
    var info = stat()
    guard lstat(file, &info) == 0 else { throw CairnError.system("look at", file, errno) }
    let isLink = info.st_mode & S_IFMT == S_IFLNK
    guard isLink || info.st_mode & S_IFMT == S_IFREG else {
      throw CairnError(.invalid, "\(file): is no file", advice: "name a pointer file")
    }
    guard unlink(file) == 0 else { throw CairnError.system("unlink", file, errno) }
    try OutputDirectory.sync(parentDirectory(of: file))
    if isLink { return Removal() }
    guard info.st_nlink == 1 else {
      let warning = "\(file): has another hard link, which goes on holding \(pointer.name)"
      return Removal(warnings: [warning])
    }
    var removal = try remove(ids: pointer.held, keepingTagged: true)
    removal.warnings += removal.tagged.map {
      "\($0.name): stays, since it has the tag \($0.tags.joined(separator: ", "))"
    }
    return removal
  }
}
