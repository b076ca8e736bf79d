/// Reads a pickle's bytes from front to back, and never beyond their end.
struct PickleCursor {
  let bytes: [UInt8]
  let path: String
  private(set) var position = 0

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// The error that says `problem` of the place that the cursor has come to.
  func error(_ problem: String) -> FormatError {
    FormatError(.pickle, path: path, "\(problem) (at byte \(position))")
  }

  mutating func byte() throws(FormatError) -> UInt8 {
    guard position < bytes.count else { throw error("it ends in the middle of a value") }
    defer { position += 1 }
    return bytes[position]
  }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws(FormatError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else {
      throw error("a value of \(count) bytes starts less than that before the end")
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// A little-endian number of `width` bytes, at most 8.
  mutating func unsigned(_ width: Int) throws(FormatError) -> UInt64 {
    var value: UInt64 = 0
    for (place, byte) in try take(width).enumerated() { value |= UInt64(byte) << UInt64(8 * place) }
    return value
  }

  /// Bytes that are led by their count, itself a little-endian number of `width` bytes.
  mutating func counted(_ width: Int) throws(FormatError) -> ArraySlice<UInt8> {
    let count = try unsigned(width)
    guard count <= UInt64(bytes.count - position) else {
      throw error("a value of \(count) bytes starts less than that before the end")
    }
    return try take(Int(count))
  }

  /// The length of the frame that begins here, all of which has to be there.
  mutating func frame() throws(FormatError) {
    let count = try unsigned(8)
    guard count <= UInt64(bytes.count - position) else {
      throw error("a frame of \(count) bytes starts less than that before the end")
    }
  }

  /// The bytes up to the next line feed, which is skipped.
  mutating func line() throws(FormatError) -> ArraySlice<UInt8> {
    guard let end = bytes[position...].firstIndex(of: 0x0A) else { throw error("a line has no end") }
    defer { position = end + 1 }
    return bytes[position..<end]
  }

  /// The next line, which has to be UTF-8.
  mutating func textLine() throws(FormatError) -> String {
    let bytes = try line()
    guard let text = String(validating: bytes, as: UTF8.self) else { throw error("a line is not UTF-8") }
    return text
  }
}
