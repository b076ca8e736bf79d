import Cairn

/// Rows as one JSON list of objects, a line each, members in the order of the columns.
///
/// Whole numbers are exact. Bytes are hexadecimal. What JSON has no number for is a text, as everywhere.
struct JSONRows: QueryRows {
  private var output = OutputBuffer()
  private var keys: [String] = []
  private var isFirst = true

  mutating func begin(_ columns: [String]) throws { keys = distinct(columns).map { Self.text($0) } }

  mutating func add(_ row: [QueryValue]) throws {
    let members = zip(keys, row).map { "\($0): \(Self.value($1))" }
    try output.put((isFirst ? "[\n  {" : ",\n  {") + members.joined(separator: ", ") + "}")
    isFirst = false
  }

  mutating func finish() throws {
    try output.put(isFirst ? "[]\n" : "\n]\n")
    try output.flush()
  }

  /// The list stays open: a program must not take it for whole.
  mutating func abandon() throws {
    if !isFirst { try output.put("\n") }
    try output.flush()
  }

  private static func value(_ value: QueryValue) -> String {
    switch value {
    case .null: return "null"
    case .integer(let number): return String(number)
    case .real(let number):
      if number.isFinite { return String(number) }
      return number.isNaN ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\""
    case .text(let content): return text(content)
    case .blob(let bytes): return "\"\(hexadecimal(bytes))\""
    }
  }

  private static func text(_ content: String) -> String {
    var result = "\""
    for scalar in content.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      default:
        if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// Names made different from each other: the second `a` is `a_2`.
func distinct(_ names: [String]) -> [String] {
  var taken = Set(names)
  var seen: Set<String> = []
  return names.map { name in
    if seen.insert(name).inserted { return name }
    var number = 2
    while !taken.insert("\(name)_\(number)").inserted { number += 1 }
    return "\(name)_\(number)"
  }
}
