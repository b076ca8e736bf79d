import CairnSystem
import Glibc

/// An open file descriptor, closed when the last reference to it goes.
///
/// Every call repeats itself when a signal interrupts it, and goes on after a short read or write.
public final class OpenFile: Sendable {
  package let descriptor: Int32
  package let path: String

  /// Opens `path`; always close-on-exec. `mode` counts only where `flags` create the file.
  package init(_ path: String, _ flags: Int32, mode: mode_t = 0o666) throws {
    let descriptor = retrying { open(path, flags | O_CLOEXEC, mode) }
    guard descriptor >= 0 else { throw CairnError.system("open", path) }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// The file's size, identity and times.
  func status() throws -> FileStatus {
    var info = Glibc.stat()
    guard retrying({ fstat(descriptor, &info) }) == 0 else { throw CairnError.system("stat", path) }
    return FileStatus(info)
  }

  /// Fills `buffer` from `offset`; returns how much was read, less than asked for only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var done = 0
    while done < buffer.count {
      let count = retrying {
        pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, offset + done)
      }
      guard count >= 0 else { throw CairnError.system("read", path) }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// All of a file that does not change.
  func contents() throws -> [UInt8] {
    let size = try status().size
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size])
      filled = try read(into: room, at: 0)
    }
  }

  func write(_ buffer: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < buffer.count {
      let count = retrying {
        pwrite(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, offset + done)
      }
      guard count >= 0 else { throw CairnError.system("write", path) }
      done += count
    }
  }

  /// The same, and the disk has something to do from the first piece on: what is written is made durable soon.
  package func writeBeginning(_ buffer: UnsafeRawBufferPointer, at offset: Int) throws {
    for start in stride(from: 0, to: buffer.count, by: Self.pieceSize) {
      let piece = UnsafeRawBufferPointer(rebasing: buffer[start...].prefix(Self.pieceSize))
      try write(piece, at: offset + start)
      cairn_begin_writing(descriptor, Int64(offset + start), Int64(piece.count))
    }
  }

  /// Of more at once, the thread that hands it to the disk waits for the disk.
  private static let pieceSize = 1 << 20

  func write(_ bytes: [UInt8], at offset: Int) throws {
    try bytes.withUnsafeBytes { try write($0, at: offset) }
  }

  package func sync() throws {
    guard retrying({ fsync(descriptor) }) == 0 else { throw CairnError.system("fsync", path) }
  }

  func truncate(to size: Int) throws {
    guard retrying({ ftruncate(descriptor, size) }) == 0 else { throw CairnError.system("truncate", path) }
  }

  func setMode(_ mode: mode_t) throws {
    guard fchmod(descriptor, mode) == 0 else { throw CairnError.system("set the mode of", path) }
  }
}

/// Repeats a call that a signal interrupted.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
