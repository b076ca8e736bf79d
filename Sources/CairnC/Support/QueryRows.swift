import Cairn

/// The rows of a query as JSON, written as they come: an object with columns and rows.
///
/// Not by way of ``JSONValue``: a million of those take seconds and many times the memory.
struct QueryRows {
  private var bytes: [UInt8] = []
  private var isFirst = true
  private let limit: Int

  /// `limit` is how many bytes the JSON may have.
  init(limit: Int) { self.limit = limit }

  mutating func begin(_ columns: [String]) throws {
    bytes = Array(#"{"columns":"#.utf8)
    bytes += try JSONValue(columns).serialized()
    bytes += Array(#","rows":["#.utf8)
  }

  mutating func add(_ row: [QueryValue]) throws {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    isFirst = false
    bytes.append(UInt8(ascii: "["))
    for (index, value) in row.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      add(value)
    }
    bytes.append(UInt8(ascii: "]"))
    guard bytes.count <= limit else {
      throw CairnError(
        .cancelled, "the query was stopped: its rows are more than \(limit) bytes of JSON",
        advice: "ask for fewer columns, or for less at a time: LIMIT")
    }
  }

  /// The whole, once there are no more rows.
  consuming func finished() -> [UInt8] { bytes + Array("]}".utf8) }

  private mutating func add(_ value: QueryValue) {
    switch value {
    case .null: bytes += Array("null".utf8)
    case .integer(let number): bytes += Array(String(number).utf8)
    case .real(let number):
      if number.isFinite {
        bytes += Array(String(number).utf8)
      } else {
        bytes += Array((number < 0 ? #"{"real":"-Infinity"}"# : #"{"real":"Infinity"}"#).utf8)
      }
    case .text(let text): add(text)
    case .blob(let blob):
      bytes += Array(#"{"blob":""#.utf8)
      for byte in blob {
        bytes.append(Self.digits[Int(byte >> 4)])
        bytes.append(Self.digits[Int(byte & 15)])
      }
      bytes += Array(#""}"#.utf8)
    }
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private mutating func add(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: bytes += Array("\\u00".utf8) + [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension QueryValue {
  /// A value as `cairn_query` takes and gives it; nil for what is none.
  init?(_ value: JSONValue) {
    switch value {
    case .null: self = .null
    case .bool(let value): self = .integer(value ? 1 : 0)
    case .int(let number): self = .integer(number)
    case .double(let number): self = .real(number)
    case .string(let text): self = .text(text)
    case .array: return nil
    case .object(let members):
      guard members.count == 1 else { return nil }
      if let text = members["real"]?.stringValue, let number = Self.real(text) {
        self = number.isNaN ? .null : .real(number)
      } else if let digits = members["blob"]?.stringValue, let bytes = Self.bytes(digits) {
        self = .blob(bytes)
      } else {
        return nil
      }
    }
  }

  private static func real(_ text: String) -> Double? {
    switch text {
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    case "NaN": .nan
    default: Double(text)
    }
  }

  private static func bytes(_ digits: String) -> [UInt8]? {
    let digits = Array(digits.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
