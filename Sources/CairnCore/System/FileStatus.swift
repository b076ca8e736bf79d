import Glibc

/// What `stat` says of a file, as far as Cairn looks at it.
struct FileStatus: Equatable, Sendable {
  /// Which file it is: the same identity is the same file, whatever its name.
  struct Identity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
  }

  var identity: Identity
  var size: Int
  var mode: mode_t
  var modified: Int
  var modifiedNanoseconds: Int

  init(_ info: Glibc.stat) {
    identity = Identity(device: UInt64(info.st_dev), inode: UInt64(info.st_ino))
    size = Int(info.st_size)
    mode = info.st_mode
    modified = info.st_mtim.tv_sec
    modifiedNanoseconds = info.st_mtim.tv_nsec
  }

  var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
  var isRegularFile: Bool { mode & S_IFMT == S_IFREG }
}
