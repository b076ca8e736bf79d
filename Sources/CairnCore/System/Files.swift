import Glibc

/// The calls on paths that Cairn makes; each names the path in its error.
enum Files {
  /// The status of what is at `path`, following symbolic links; nil if nothing is there.
  static func status(_ path: String) throws -> FileStatus? {
    var info = Glibc.stat()
    if retrying({ stat(path, &info) }) == 0 { return FileStatus(info) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw CairnError.system("stat", path)
  }

  /// The status of what is at `path` itself, a symbolic link included; nil if nothing is there.
  static func linkStatus(_ path: String) throws -> FileStatus? {
    var info = Glibc.stat()
    if retrying({ lstat(path, &info) }) == 0 { return FileStatus(info) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw CairnError.system("stat", path)
  }

  /// Whether a directory is there. Throws if it is something else: a symbolic link could lead out of the repository.
  static func hasDirectory(_ path: String) throws -> Bool {
    guard let status = try linkStatus(path) else { return false }
    guard status.isDirectory else {
      throw CairnError.damaged(path, "it is no directory", advice: "see what it is, and remove it")
    }
    return true
  }

  static func exists(_ path: String) throws -> Bool { try status(path) != nil }

  /// Makes a directory; false if it was there already.
  @discardableResult
  static func makeDirectory(_ path: String, mode: mode_t? = nil) throws -> Bool {
    if mkdir(path, 0o777) != 0 {
      if errno == EEXIST { return false }
      throw CairnError.system("make the directory", path)
    }
    if let mode, chmod(path, mode) != 0 { throw CairnError.system("set the mode of", path) }
    return true
  }

  static func rename(_ from: String, to destination: String) throws {
    guard retrying({ Glibc.rename(from, destination) }) == 0 else {
      throw CairnError.system("rename to \(destination)", from)
    }
  }

  /// Renames if the file is there; false if it is not.
  static func renameIfThere(_ from: String, to destination: String) throws -> Bool {
    if retrying({ Glibc.rename(from, destination) }) == 0 { return true }
    if errno == ENOENT { return false }
    throw CairnError.system("rename to \(destination)", from)
  }

  /// Unlinks a file that may be gone already.
  static func unlink(_ path: String) throws {
    if Glibc.unlink(path) != 0 && errno != ENOENT { throw CairnError.system("unlink", path) }
  }

  /// Makes the names in a directory durable.
  static func syncDirectory(_ path: String) throws {
    try OpenFile(path, O_RDONLY | O_DIRECTORY).sync()
  }

  /// The names in a directory, `.` and `..` left out, in no order; empty if there is no such directory.
  static func names(in path: String) throws -> [String] {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return [] }
      throw CairnError.system("list", path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else {
        if errno != 0 { throw CairnError.system("list", path) }
        return names
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  /// The whole of a small file; nil if it is not there. Throws if it is no regular file or larger than `limit` bytes.
  static func contents(_ path: String, limit: Int = 1 << 30) throws -> [UInt8]? {
    let file: OpenFile
    do {
      file = try OpenFile(path, O_RDONLY | O_NONBLOCK)
    } catch let error as CairnError where error.kind == .missing {
      return nil
    }
    let status = try file.status()
    guard status.isRegularFile else { throw CairnError.damaged(path, "it is no regular file") }
    let size = status.size
    guard size <= limit else { throw CairnError.damaged(path, "\(size) bytes, more than it can have") }
    return try file.contents()
  }

  /// Removes a directory of plain files (a writer's `tmp`), which may be gone already; the file `last` after the others.
  /// False if somebody has put something into it meanwhile.
  @discardableResult
  static func removeFlatDirectory(_ path: String, last: String, eachDone: @escaping @Sendable () -> Void = {}) throws
    -> Bool
  {
    let others = try names(in: path).filter { $0 != last }
    // What takes long is to give up the pages of a file, which each core can do for another one.
    try forEachIndex(others.count, threads: others.count < 4 ? 1 : coreCount) { index in
      try unlink(path + "/" + others[index])
      eachDone()
    }
    try unlink(path + "/" + last)
    if rmdir(path) == 0 || errno == ENOENT { return true }
    if errno == ENOTEMPTY || errno == EEXIST { return false }
    throw CairnError.system("remove the directory", path)
  }
}
