import CairnCore
import CairnSystem
import Glibc

/// The directories below a watched one, as far as checkpoints are looked for in them.
struct WatchedTree {
  /// What is in a directory: names of regular files and of directories, and what is neither or cannot be named.
  struct Listing {
    var files: [(name: String, stamp: FileStamp)] = []
    var directories: [String] = []
    var ignored: [(name: String, reason: String)] = []
  }

  let root: String
  /// The repository's own directory, wherever it lies.
  private let repository: [UInt64]?

  init(root: String, repository: String) {
    self.root = root
    var info = stat()
    self.repository = stat(repository, &info) == 0 ? Self.identity(info) : nil
  }

  private static func identity(_ info: stat) -> [UInt64] {
    [UInt64(truncatingIfNeeded: info.st_dev), UInt64(truncatingIfNeeded: info.st_ino)]
  }

  /// What is in the directory `path`; nil if it is gone, or is none.
  ///
  /// Throws ``CairnError`` if it cannot be listed.
  func list(_ path: String) throws -> Listing? {
    guard let directory = opendir(path) else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw CairnError.system("list", path, errno)
    }
    defer { closedir(directory) }
    var listing = Listing()
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      if let name, name != ".", name != ".." {
        add(name, in: path, to: &listing)
      } else if name == nil {
        listing.ignored.append(("?", "its name is not UTF-8"))
      }
      errno = 0
    }
    if errno != 0 { throw CairnError.system("list", path, errno) }
    return listing
  }

  private func add(_ name: String, in directory: String, to listing: inout Listing) {
    let path = directory + "/" + name
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    switch info.st_mode & S_IFMT {
    case S_IFREG: listing.files.append((name, FileStamp(info)))
    case S_IFLNK: listing.ignored.append((name, "a symbolic link"))
    case S_IFDIR:
      if let reason = reasonToSkip(directory: name, at: path, info) {
        listing.ignored.append((name, reason))
      } else {
        listing.directories.append(name)
      }
    default: break
    }
  }

  private func reasonToSkip(directory name: String, at path: String, _ info: stat) -> String? {
    if Self.identity(info) == repository || access(path + "/cairn.json", F_OK) == 0 { return "a repository" }
    if name.hasPrefix(".") { return "a hidden directory" }
    return nil
  }

  /// Whether the directory is one to look into, as ``list(_:)`` says of those in it.
  func contains(directory path: String) -> Bool {
    var info = stat()
    guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else { return false }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return reasonToSkip(directory: name, at: path, info) == nil
  }

  /// Whether other machines may change what is in the directory, of which this kernel would not know.
  static func isRemote(_ path: String) -> Bool {
    let remote: Set<Int64> = [
      0x6969, 0x0BD0_0BD0,  // NFS, Lustre
      0x4750_4653, 0x00C3_6400, 0x1983_0326, 0x0116_1970, 0x7461_636F, 0x5346_414F,  // GPFS, CephFS, BeeGFS, GFS2 …
      0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x0102_1997, 0x6573_5546,  // SMB, 9p, FUSE
    ]
    return remote.contains(cairn_filesystem_type(path))
  }
}
