import CairnSystem

/// The checksum that zip keeps of each entry (the CRC-32 of RFC 1952), summed piece by piece.
public struct CRC32: Sendable, Hashable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  public init() {}

  /// The checksum of `bytes`.
  public init(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// Takes the next bytes in.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    // libdeflate answers a null pointer with the initial value, whatever was summed before.
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    value = libdeflate_crc32(value, start, bytes.count)
  }
}
