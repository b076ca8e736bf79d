import CairnCore
import CairnSystem
import Foundation
import Glibc

/// A file or directory that appears under its name only when it is complete: made beside it, and renamed.
struct Output: Sendable {
  let destination: String
  let temporary: String
  let overwrite: Bool

  /// Throws if something is at the destination already and `overwrite` does not allow to replace it.
  init(_ destination: String, overwrite: Bool) throws {
    let path = try Self.resolve(destination)
    self.destination = path
    self.overwrite = overwrite
    let name = path.split(separator: "/").last.map(String.init) ?? "checkpoint"
    let parent = path.dropLast(name.utf8.count)
    // Without the name in it: Lightning finds checkpoints by looking for `ckpt` and `last` in names.
    temporary = "\(parent).cairn-\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
    try refuseExisting()
  }

  /// The absolute path of a destination, whose `..` are what the kernel takes them for: behind a symbolic link, the
  /// directory that holds what it leads to.
  private static func resolve(_ destination: String) throws -> String {
    var parts = destination.split(separator: "/")
    guard parts.contains("..") else { return PathName.absolute(destination) }
    while parts.last == "." { parts.removeLast() }
    let name = parts.last == ".." ? nil : parts.popLast()
    let directory = (destination.hasPrefix("/") ? "/" : "./") + parts.joined(separator: "/")
    guard let resolved = realpath(directory, nil) else { throw failure("find", directory) }
    defer { free(resolved) }
    return PathName.absolute(String(cString: resolved) + "/" + (name ?? ""))
  }

  private func refuseExisting() throws {
    var info = stat()
    guard !overwrite, lstat(destination, &info) == 0 else { return }
    throw CairnError(.alreadyExists, "\(destination): is there already", advice: "use --force to replace it")
  }

  /// Puts the file in place, durably.
  func publishFile() throws {
    if overwrite {
      guard rename(temporary, destination) == 0 else { throw failure("rename to \(destination)", temporary) }
    } else if link(temporary, destination) == 0 {
      // Unlike a rename, this never replaces what has come there meanwhile.
      unlink(temporary)
    } else if errno == EEXIST {
      try refuseExisting()
      throw failure("link to \(destination)", temporary)
    } else {
      // A filesystem without hard links.
      try refuseExisting()
      guard rename(temporary, destination) == 0 else { throw failure("rename to \(destination)", temporary) }
    }
    try syncParent()
  }

  /// Puts the directory in place, durably; what was there is removed once the new one is. Returns warnings: that it
  /// could not be removed does not undo the restore.
  func publishDirectory(
    removing: (String) throws -> Void = { try FileManager.default.removeItem(atPath: $0) }
  ) throws -> [String] {
    let old = temporary + ".old"
    var info = stat()
    let isReplacing = overwrite && lstat(destination, &info) == 0
    if isReplacing {
      guard rename(destination, old) == 0 else { throw failure("rename to \(old)", destination) }
    }
    guard rename(temporary, destination) == 0 else {
      let error = failure("rename to \(destination)", temporary)
      if isReplacing { rename(old, destination) }
      throw error
    }
    try syncParent()
    guard isReplacing else { return [] }
    do {
      try removing(old)
      return []
    } catch {
      return ["\(old): what was at \(destination) before could not be removed: \(error.localizedDescription)"]
    }
  }

  /// Removes what was written so far.
  func discard() { try? FileManager.default.removeItem(atPath: temporary) }

  private func syncParent() throws {
    let parent = destination.lastIndex(of: "/").map { String(destination[...$0]) } ?? "/"
    try OutputDirectory.sync(parent)
  }
}

/// A file that is being written, at any place from several threads, or one piece after the other.
final class OutputFile: Sendable {
  private let file: OpenFile
  /// What is at the place that this file is for.
  private let replaced: OpenFile?

  var path: String { file.path }

  /// Makes the file; it must not be there. `replacing` is the path that it goes to in the end.
  init(_ path: String, size: Int? = nil, replacing: String? = nil) throws {
    file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL)
    replaced = replacing.flatMap(Self.regularFile)
    // A sign of life for whoever takes away what dead writers left, the Python package: held until this is closed.
    flock(file.descriptor, LOCK_EX | LOCK_NB)
    // A full disk is known before the work is done; a filesystem that cannot tell is no reason not to try.
    if let size, size > 0 {
      let code = cairn_allocate(file.descriptor, Int64(size))
      if [ENOSPC, EDQUOT, EFBIG].contains(code) { throw failure("write \(size) bytes", path, code) }
    }
  }

  /// Looked at before it is opened: opening a device or FIFO can have effects of its own.
  private static func regularFile(_ path: String) -> OpenFile? {
    var info = stat()
    guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    return try? OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    // The memory that caches what is replaced serves what replaces it, as where a file is written over: pages that
    // nobody used for a while cost several times as much in a virtual machine, which has to get them from its host.
    if let replaced { posix_fadvise(replaced.descriptor, off_t(offset), off_t(bytes.count), POSIX_FADV_DONTNEED) }
    try file.writeBeginning(bytes, at: offset)
  }

  /// Sets the modification time, and makes the content durable.
  func finish(modified: (seconds: Int, nanoseconds: Int)? = nil) throws {
    if let modified {
      let time = timespec(tv_sec: modified.seconds, tv_nsec: modified.nanoseconds)
      guard futimens(file.descriptor, [time, time]) == 0 else { throw failure("set the time of", path) }
    }
    try file.sync()
  }
}

private func failure(_ operation: String, _ path: String, _ code: Int32 = errno) -> CairnError {
  CairnError.system(operation, path, code)
}
