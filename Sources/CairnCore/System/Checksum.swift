import CairnSystem

/// CRC-32 as zip has it, by zlib.
enum Checksum {
  static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = bytes.baseAddress else { return 0 }
    return UInt32(truncatingIfNeeded: crc32_z(0, start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  /// The CRC-32 of some bytes followed by `length` others, from those of both.
  static func combine(_ first: UInt32, _ second: UInt32, length: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(second), length))
  }
}
