import CairnSystem

/// The checksum that zip keeps of each entry (zlib's CRC-32), summed piece by piece.
public struct CRC32: Sendable, Hashable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  public init() {}

  /// The checksum of `bytes`.
  public init(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// Takes the next bytes in.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    // zlib answers a null pointer with the initial value, whatever was summed before.
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    value = UInt32(
      truncatingIfNeeded: crc32_z(UInt(value), start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
