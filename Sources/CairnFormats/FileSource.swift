import CairnCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A regular file, open for reading at any place.
///
/// A trainer may go on writing while its file is read: ``checkUnchanged()`` at the end tells whether it did.
public final class FileSource: ByteSource {
  /// What the file system says of a file; any write, truncation or replacement changes it.
  struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
    var size: Int
    var modified: [Int]
    var changed: [Int]

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      inode = UInt64(truncatingIfNeeded: status.st_ino)
      size = Int(status.st_size)
      #if canImport(Glibc)
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
      #else
        modified = [status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec]
        changed = [status.st_ctimespec.tv_sec, status.st_ctimespec.tv_nsec]
      #endif
    }
  }

  /// The path it was opened at.
  public let name: String
  /// nil if it is opened anew for each read.
  private let descriptor: Int32?
  private let identity: Identity

  /// The size when it was opened, in bytes.
  public var size: Int { identity.size }

  /// When its content was last modified, as of opening: seconds since 1970, and nanoseconds on top.
  public var modificationTime: (seconds: Int, nanoseconds: Int) { (identity.modified[0], identity.modified[1]) }

  /// Opens the regular file at `path`, following symbolic links.
  ///
  /// - Parameter keepsOpen: False opens it anew for each read, and sees to it that it is the same file still: of the
  ///   thousands of files in a directory, a process may not have all open at once.
  ///
  /// Throws ``FileSourceError`` if there is none, it may not be read, or it is a directory, FIFO or device.
  public init(path: String, keepsOpen: Bool = true) throws {
    // Looked at before it is opened, since opening a device or FIFO can have effects of its own.
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileSourceError.cannotOpen(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileSourceError.notARegularFile(path: path) }
    let opened = try FileSource.opened(path)
    guard fstat(opened, &status) == 0 else {
      let code = errno
      close(opened)
      throw FileSourceError.cannotOpen(path: path, code: code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(opened)
      throw FileSourceError.notARegularFile(path: path)
    }
    if !keepsOpen { close(opened) }
    name = path
    descriptor = keepsOpen ? opened : nil
    identity = Identity(status)
  }

  deinit { if let descriptor { close(descriptor) } }

  private static func opened(_ path: String) throws -> Int32 {
    let opened = FileSource.retrying { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard opened >= 0 else { throw FileSourceError.cannotOpen(path: path, code: errno) }
    return opened
  }

  private func withDescriptor<Result>(_ body: (Int32) throws -> Result) throws -> Result {
    if let descriptor { return try body(descriptor) }
    var status = stat()
    let opened: Int32
    do {
      opened = try FileSource.opened(name)
    } catch FileSourceError.cannotOpen(_, ENOENT) {
      throw FileSourceError.changedWhileRead(path: name)
    }
    defer { close(opened) }
    guard fstat(opened, &status) == 0, Identity(status) == identity else {
      throw FileSourceError.changedWhileRead(path: name)
    }
    return try body(opened)
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard offset >= 0, offset <= size, buffer.count <= size - offset else {
      throw FileSourceError.cutShort(path: name, offset: offset)
    }
    if buffer.isEmpty { return }
    try withDescriptor { try read(into: buffer, at: offset, from: $0) }
  }

  public func isCached(at offset: Int, count: Int) -> Bool {
    guard offset >= 0, count > 0, offset <= size, count <= size - offset else { return false }
    return (try? withDescriptor { PageCache.holds($0, at: offset, count: count) }) ?? false
  }

  private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int, from descriptor: Int32) throws {
    var done = 0
    while done < buffer.count {
      // Some systems refuse to read 2 GiB or more at once.
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...].prefix(1 << 30))
      let count = FileSource.retrying { pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done)) }
      guard count >= 0 else { throw FileSourceError.cannotRead(path: name, code: errno) }
      guard count > 0 else { throw FileSourceError.cutShort(path: name, offset: offset + done) }
      done += count
    }
  }

  /// Throws ``FileSourceError/changedWhileRead(path:)`` if the file was written to, cut or replaced since it was
  /// opened: what was read may then be a mixture of two checkpoints.
  public func checkUnchanged() throws {
    var status = stat()
    if let descriptor {
      guard fstat(descriptor, &status) == 0 else { throw FileSourceError.cannotRead(path: name, code: errno) }
      guard Identity(status) == identity else { throw FileSourceError.changedWhileRead(path: name) }
    }
    guard stat(name, &status) == 0, Identity(status) == identity else {
      throw FileSourceError.changedWhileRead(path: name)
    }
  }

  /// Calls again while a signal interrupts the call.
  private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
      let result = call()
      if result != -1 || errno != EINTR { return result }
    }
  }
}

/// What can go wrong with a file that is read.
public enum FileSourceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It is not there, or may not be read; `code` is the errno.
  case cannotOpen(path: String, code: Int32)
  /// A directory, FIFO, socket or device.
  case notARegularFile(path: String)
  /// The disk or file system failed; `code` is the errno.
  case cannotRead(path: String, code: Int32)
  /// It ends before bytes that were to be read.
  case cutShort(path: String, offset: Int)
  /// It is no longer the file it was when it was opened.
  case changedWhileRead(path: String)

  public var description: String {
    switch self {
    case .cannotOpen(let path, let code): "\(path): cannot be opened: \(String(cString: strerror(code)))"
    case .notARegularFile(let path): "\(path): not a regular file, and only those can be read as a checkpoint"
    case .cannotRead(let path, let code): "\(path): cannot be read: \(String(cString: strerror(code)))"
    case .cutShort(let path, let offset): "\(path): ends before the bytes wanted at \(offset); was it cut short?"
    case .changedWhileRead(let path):
      "\(path): changed while it was read; try again when whoever writes it has finished"
    }
  }
}
