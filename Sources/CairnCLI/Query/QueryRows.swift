import Cairn

/// Where the rows of a query go, one at a time.
protocol QueryRows {
  /// The names come first, once.
  mutating func begin(_ columns: [String]) throws
  mutating func add(_ row: [QueryValue]) throws
  /// There are no more.
  mutating func finish() throws
  /// There would be more, but for an error: what there is so far, so that it cannot be taken for all.
  mutating func abandon() throws
}

/// Standard output in pieces of some size, so that a row is not a write.
struct OutputBuffer {
  private static let size = 64 * 1_024
  private var text = ""

  mutating func put(_ more: String) throws {
    text += more
    if text.utf8.count >= Self.size { try flush() }
  }

  mutating func flush() throws {
    let full = text
    text = ""
    if !full.isEmpty { try Terminal.output.write(full) }
  }
}

/// Bytes as hexadecimal digits, lower case.
func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(2 * bytes.count)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
