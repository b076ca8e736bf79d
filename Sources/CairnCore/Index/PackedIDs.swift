import Foundation

/// A list of row ids as a few bytes each: the difference from the one before, its sign in the lowest bit, as LEB128.
struct PackedIDs {
  private(set) var bytes: [UInt8] = []
  private(set) var last: Int64 = 0
  private(set) var count = 0

  /// Puts an id behind the others.
  mutating func append(_ id: Int64) {
    let difference = id &- last
    var rest = UInt64(bitPattern: difference << 1 ^ difference >> 63)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
    last = id
    count += 1
  }

  static func encode(_ ids: some Sequence<Int64>) -> [UInt8] {
    var list = PackedIDs()
    for id in ids { list.append(id) }
    return list.bytes
  }

  static func decode(_ bytes: some Sequence<UInt8>) throws -> [Int64] {
    var ids: [Int64] = []
    try forEach(in: bytes) { ids.append($0) }
    return ids
  }

  /// Calls `body` with each id of a list, in order.
  static func forEach(in bytes: some Sequence<UInt8>, _ body: (Int64) throws -> Void) throws {
    // Bytes that lie in one piece, as SQLite gives them, are read where they lie.
    let inPlace: Void? = try bytes.withContiguousStorageIfAvailable { try forEach(inBuffer: $0, body) }
    if inPlace == nil { try Array(bytes).withUnsafeBufferPointer { try forEach(inBuffer: $0, body) } }
  }

  private static func forEach(inBuffer bytes: UnsafeBufferPointer<UInt8>, _ body: (Int64) throws -> Void) throws {
    var previous: Int64 = 0
    var coded: UInt64 = 0
    var shift: UInt64 = 0
    for byte in bytes {
      guard shift < 63 || byte <= 1 else { throw ByteReader.Malformed(problem: "a number over 64 bits") }
      coded |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 != 0 {
        shift += 7
        continue
      }
      previous &+= Int64(bitPattern: coded >> 1) ^ -Int64(bitPattern: coded & 1)
      try body(previous)
      (coded, shift) = (0, 0)
    }
    guard shift == 0 else { throw ByteReader.Malformed(problem: "it ends within a number") }
  }
}
