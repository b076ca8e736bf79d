import CairnCore
import Glibc

/// The kernel's word on what changes in directories: inotify(7).
///
/// What it says is taken for a hint where to look, never for more: names may have changed again since.
final class ChangeNotifier {
  /// What was said.
  enum Hint {
    /// Something about a file, or an entry that is not known to be a directory.
    case file(String)
    /// A directory has come.
    case directory(String)
    /// A directory has gone from this path.
    case directoryGone(String)
    /// Something was not said, for there was too much.
    case overflow
  }

  private static let mask =
    UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE_SELF) | onlyDirectories
  // IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK of linux/inotify.h.
  private static let onlyDirectories: UInt32 = 0x0100_0000 | 0x0200_0000 | 0x0400_0000
  private static let isDirectory: UInt32 = 0x4000_0000
  private static let headSize = 16

  let descriptor: Int32
  private var paths: [Int32: String] = [:]
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// Throws ``CairnError/Kind/io`` if the user has no instances left.
  init() throws {
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard descriptor >= 0 else { throw CairnError.system("use inotify", "watch", errno) }
  }

  deinit { close(descriptor) }

  /// Has the kernel tell of what happens in the directory `path` from now on; false if it is gone, or is none.
  ///
  /// Throws ``CairnError`` if the user has no watches left (`fs.inotify.max_user_watches`).
  func add(_ path: String, followingLink: Bool = false) throws -> Bool {
    let watch = inotify_add_watch(descriptor, path, followingLink ? Self.mask & ~0x0200_0000 : Self.mask)
    if watch >= 0 {
      paths[watch] = path
      return true
    }
    if [ENOENT, ENOTDIR, ELOOP, EACCES].contains(errno) { return false }
    throw CairnError.system("watch", path, errno)
  }

  /// Forgets a directory and all below it: they have another path, or are gone.
  func remove(below path: String) {
    for (watch, watched) in paths where watched.isExactly(path) || watched.hasExactPrefix(path + "/") {
      _ = inotify_rm_watch(descriptor, watch)
      paths[watch] = nil
    }
  }

  /// What was said since the last call.
  func hints() throws -> [Hint] {
    var hints: [Hint] = []
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { return hints }
      guard count > 0 else { throw CairnError.system("read from inotify", "watch", errno) }
      parse(count, into: &hints)
    }
  }

  private func parse(_ count: Int, into hints: inout [Hint]) {
    buffer.withUnsafeBytes { bytes in
      var position = 0
      while position + Self.headSize <= count {
        let watch = bytes.loadUnaligned(fromByteOffset: position, as: Int32.self)
        let mask = bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
        let length = Int(bytes.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self))
        let start = position + Self.headSize
        guard length <= count - start else { return }
        let name = bytes[start..<start + length].prefix { $0 != 0 }
        position = start + length
        if let hint = hint(watch, mask, String(validating: name, as: UTF8.self)) { hints.append(hint) }
      }
    }
  }

  private func hint(_ watch: Int32, _ mask: UInt32, _ name: String?) -> Hint? {
    if mask & UInt32(IN_Q_OVERFLOW) != 0 { return .overflow }
    if mask & UInt32(IN_IGNORED) != 0 {
      paths[watch] = nil
      return nil
    }
    guard let directory = paths[watch] else { return nil }
    if mask & UInt32(IN_DELETE_SELF) != 0 { return .directoryGone(directory) }
    guard let name, !name.isEmpty else { return nil }
    let path = directory == "/" ? "/" + name : directory + "/" + name
    guard mask & Self.isDirectory != 0 else {
      return mask & UInt32(IN_MOVED_FROM) != 0 ? nil : .file(path)
    }
    if mask & UInt32(IN_MOVED_FROM) != 0 { return .directoryGone(path) }
    return mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0 ? .directory(path) : nil
  }
}
