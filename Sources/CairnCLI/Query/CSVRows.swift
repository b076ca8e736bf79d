import Cairn

/// Rows as RFC 4180 says: lines end in CR LF, fields with a comma, a quote or a line break in them are quoted.
///
/// NULL is an empty field, an empty text a quoted one. Bytes are hexadecimal.
struct CSVRows: QueryRows {
  private var output = OutputBuffer()
  private var rows = 0
  /// In a terminal, what it would obey is shown instead.
  private let isTerminal: Bool

  init(isTerminal: Bool) { self.isTerminal = isTerminal }

  mutating func begin(_ columns: [String]) throws { try put(columns.map { quoted($0) }) }

  mutating func add(_ row: [QueryValue]) throws {
    rows += 1
    try put(
      row.map { value in
        switch value {
        case .null: return ""
        case .integer(let number): return String(number)
        case .real(let number): return String(number)
        case .text(let text): return quoted(text)
        case .blob(let bytes): return bytes.isEmpty ? "\"\"" : hexadecimal(bytes)
        }
      })
  }

  mutating func finish() throws { try output.flush() }

  mutating func abandon() throws {
    if rows > 0 { try output.flush() }
  }

  private mutating func put(_ fields: [String]) throws { try output.put(fields.joined(separator: ",") + "\r\n") }

  private func quoted(_ text: String) -> String {
    let text = isTerminal ? printable(text) : text
    let special = text.utf8.contains {
      [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\r"), UInt8(ascii: "\n")].contains($0)
    }
    let hasOuterSpace = text.first == " " || text.last == " "
    guard text.isEmpty || special || hasOuterSpace else { return text }
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { result.unicodeScalars.append("\"") }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}
