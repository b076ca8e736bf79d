/// A list of row ids as a few bytes each: the difference from the one before, its sign in the lowest bit, as LEB128.
enum PackedIDs {
  static func encode(_ ids: some Sequence<Int64>) -> [UInt8] {
    var writer = ByteWriter()
    var previous: Int64 = 0
    for id in ids {
      let difference = id - previous
      writer.put(Int(difference << 1 ^ difference >> 63))
      previous = id
    }
    return writer.bytes
  }

  static func decode(_ bytes: some Sequence<UInt8>) throws -> [Int64] {
    var reader = ByteReader(bytes)
    var ids: [Int64] = []
    var previous: Int64 = 0
    while reader.remaining > 0 {
      let coded = UInt64(bitPattern: Int64(try reader.number()))
      previous &+= Int64(bitPattern: coded >> 1) ^ -Int64(bitPattern: coded & 1)
      ids.append(previous)
    }
    return ids
  }
}
