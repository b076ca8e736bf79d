/// The two text encodings of protocol 0.
enum PickleText {
  /// A Python 2 `str` as its `repr`: quotes around it, escapes in it. Nil if it is not one.
  static func unquoted(_ line: ArraySlice<UInt8>) -> [UInt8]? {
    guard line.count >= 2, let quote = line.first, quote == 0x27 || quote == 0x22, line.last == quote else {
      return nil
    }
    let body = Array(line.dropFirst().dropLast())
    var result: [UInt8] = []
    var position = 0
    while position < body.count {
      let byte = body[position]
      position += 1
      guard byte == 0x5C else {
        result.append(byte)
        continue
      }
      guard position < body.count else { return nil }
      let escape = body[position]
      position += 1
      switch escape {
      case 0x5C, 0x27, 0x22: result.append(escape)
      case UInt8(ascii: "a"): result.append(7)
      case UInt8(ascii: "b"): result.append(8)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "v"): result.append(11)
      case UInt8(ascii: "f"): result.append(12)
      case UInt8(ascii: "r"): result.append(13)
      case UInt8(ascii: "x"):
        guard let value = number(body, &position, digits: 2, radix: 16) else { return nil }
        result.append(UInt8(truncatingIfNeeded: value))
      case 0x30...0x37:
        position -= 1
        var end = position
        while end < body.count, end < position + 3, (0x30...0x37).contains(body[end]) { end += 1 }
        guard let value = number(body, &position, digits: end - position, radix: 8) else { return nil }
        result.append(UInt8(truncatingIfNeeded: value))
      default: result += [0x5C, escape]
      }
    }
    return result
  }

  /// A `str` in Python's `raw-unicode-escape`: Latin-1 with `\uXXXX` and `\UXXXXXXXX`. Nil if it is not.
  static func rawUnicodeEscape(_ line: ArraySlice<UInt8>) -> PickleNode? {
    let body = Array(line)
    var utf8: [UInt8] = []
    var position = 0
    while position < body.count {
      let byte = body[position]
      position += 1
      guard byte == 0x5C, position < body.count, body[position] == 0x75 || body[position] == 0x55 else {
        append(UInt32(byte), to: &utf8)
        continue
      }
      let digits = body[position] == 0x75 ? 4 : 8
      position += 1
      guard let scalar = number(body, &position, digits: digits, radix: 16), scalar <= 0x10FFFF else { return nil }
      append(scalar, to: &utf8)
    }
    return string(utf8[...])
  }

  /// The node for UTF-8 in which surrogates may be encoded (Python's `surrogatepass`); nil if it is not even that.
  static func string(_ utf8: ArraySlice<UInt8>) -> PickleNode? {
    if let text = String(validating: utf8, as: UTF8.self) { return .string(text) }
    // With each surrogate (ED A0..BF xx) made some other character of three bytes, the rest has to be valid.
    var repaired = Array(utf8)
    var position = 0
    while position + 2 < repaired.count {
      if repaired[position] == 0xED, (0xA0...0xBF).contains(repaired[position + 1]) { repaired[position] = 0xEE }
      position += 1
    }
    guard String(validating: repaired, as: UTF8.self) != nil else { return nil }
    return .surrogateString(Array(utf8))
  }

  private static func number(_ body: [UInt8], _ position: inout Int, digits: Int, radix: Int) -> UInt32? {
    guard digits > 0, position + digits <= body.count else { return nil }
    defer { position += digits }
    let text = body[position..<position + digits]
    guard !text.contains(UInt8(ascii: "+")), !text.contains(UInt8(ascii: "-")) else { return nil }
    return UInt32(String(decoding: text, as: UTF8.self), radix: radix)
  }

  /// Encodes a scalar or surrogate.
  private static func append(_ scalar: UInt32, to utf8: inout [UInt8]) {
    func low(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(scalar >> shift & 0x3F) }
    switch scalar {
    case ..<0x80: utf8.append(UInt8(scalar))
    case ..<0x800: utf8 += [0xC0 | UInt8(scalar >> 6), low(0)]
    case ..<0x10000: utf8 += [0xE0 | UInt8(scalar >> 12), low(6), low(0)]
    default: utf8 += [0xF0 | UInt8(scalar >> 18), low(12), low(6), low(0)]
    }
  }
}
