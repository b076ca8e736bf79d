import CairnSystem
import Glibc

extension OpenFile {
  /// What goes past the page cache lies in memory and in the file at multiples of this (open(2), O_DIRECT).
  private static let blockSize = 4_096
  /// Less is not worth a call of its own.
  private static let leastUncached = 64 * 1024

  /// Writes to a new file, from its start, past the page cache as much as can be.
  ///
  /// What is written once, made durable at once and seldom read soon needs no copy in the cache: making it costs as
  /// much of a core as hashing does, and takes memory from the trainer's own data. Where the filesystem refuses, or the
  /// buffer does not lie at a block's start, this is ``write(_:at:)``.
  func writeUncached(_ buffer: UnsafeRawBufferPointer) throws {
    let done = try moveBlocks(Self.wholeBlocks(buffer), "write") { start, count in
      pwrite(descriptor, buffer.baseAddress?.advanced(by: start), count, off_t(start))
    }
    if done < buffer.count { try write(UnsafeRawBufferPointer(rebasing: buffer[done...]), at: done) }
  }

  /// Fills `buffer` from `offset`, which is the start of a block, past the page cache where most of it is not there
  /// already: what is read to be checked or copied is not read again soon. Returns how much was read.
  func readUncached(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    let end = Self.wholeBlocks(UnsafeRawBufferPointer(buffer))
    let done =
      end == 0 || PageCache.holds(descriptor, at: offset, count: end) ?? true
      ? 0
      : try moveBlocks(end, "read") { start, count in
        pread(descriptor, buffer.baseAddress?.advanced(by: start), count, off_t(offset + start))
      }
    return done + (try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: offset + done))
  }

  /// How many of a buffer's bytes can go past the cache.
  private static func wholeBlocks(_ buffer: UnsafeRawBufferPointer) -> Int {
    let end = buffer.count - buffer.count % blockSize
    return UInt(bitPattern: buffer.baseAddress) % UInt(blockSize) == 0 && end >= leastUncached ? end : 0
  }

  /// Has `move` write or read the first `end` bytes, as far as that goes; returns how many.
  private func moveBlocks(_ end: Int, _ operation: String, _ move: (_ start: Int, _ count: Int) -> Int) throws -> Int {
    guard end > 0, cairn_set_direct(descriptor, 1) == 0 else { return 0 }
    defer { cairn_set_direct(descriptor, 0) }
    var done = 0
    // A short write or read may end within a block.
    while done < end, done % Self.blockSize == 0 {
      let count = retrying { move(done, end - done) }
      guard count >= 0 else {
        // Blocks of this size do not suit the disk.
        if errno == EINVAL { return done }
        throw CairnError.system(operation, path)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }
}
