/// Appends numbers and strings to bytes: integers as LEB128 (DWARF 5, section 7.6), strings led by their length.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: Int) {
    var rest = UInt64(bitPattern: Int64(value))
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func put(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

  mutating func put(counted content: some Collection<UInt8>) {
    put(content.count)
    bytes.append(contentsOf: content)
  }

  mutating func put(_ text: String) { put(counted: Array(text.utf8)) }
}

/// Reads what ``ByteWriter`` wrote; throws ``Malformed`` at anything else.
struct ByteReader {
  /// The bytes are not what a writer wrote.
  struct Malformed: Error { var problem: String }

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: some Sequence<UInt8>) {
    self.bytes = Array(bytes)[...]
    position = 0
  }

  var remaining: Int { bytes.count - position }

  mutating func number() throws -> Int {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.count else { throw Malformed(problem: "it ends within a number") }
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { throw Malformed(problem: "a number over 64 bits") }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return Int(Int64(bitPattern: value)) }
      shift += 7
    }
  }

  /// A number from 0 to `limit`.
  mutating func number(upTo limit: Int) throws -> Int {
    let value = try number()
    guard value >= 0, value <= limit else { throw Malformed(problem: "\(value) where at most \(limit) can be") }
    return value
  }

  /// How many items follow: never more than the bytes left could hold, so that no array is made for more.
  mutating func count() throws -> Int { try number(upTo: remaining) }

  mutating func raw(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else { throw Malformed(problem: "it ends before \(count) bytes") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func counted() throws -> ArraySlice<UInt8> { try raw(count()) }

  mutating func text() throws -> String {
    guard let text = String(validating: try counted(), as: UTF8.self) else {
      throw Malformed(problem: "text that is not UTF-8")
    }
    return text
  }
}
