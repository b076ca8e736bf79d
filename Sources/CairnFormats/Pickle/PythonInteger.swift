/// Python's integers of any size, as little-endian two's complement (CPython's `encode_long` and `decode_long`).
public enum PythonInteger {
  /// The node for the number that `bytes` are: an ``PickleNode/int(_:)`` if it fits.
  package static func node(_ bytes: some Collection<UInt8>) -> PickleNode {
    let minimal = trimmed(Array(bytes))
    guard minimal.count <= 8 else { return .bigInt(minimal) }
    var value: UInt64 = (minimal.last ?? 0) & 0x80 == 0 ? 0 : .max
    for byte in minimal.reversed() { value = value << 8 | UInt64(byte) }
    return .int(Int64(bitPattern: value))
  }

  /// The fewest bytes that are the same number; none for 0.
  static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    var count = bytes.count
    while count > 0 {
      let top = bytes[count - 1]
      let sign = count > 1 ? bytes[count - 2] & 0x80 : 0
      guard (top == 0 && sign == 0) || (top == 0xFF && count > 1 && sign != 0) else { break }
      count -= 1
    }
    return Array(bytes[..<count])
  }

  /// The fewest bytes for `value`; none for 0.
  static func bytes(_ value: Int64) -> [UInt8] {
    trimmed((0..<8).map { UInt8(truncatingIfNeeded: value >> Int64(8 * $0)) })
  }

  /// The number with decimal digits, or in hexadecimal if it is so long (over 1,024 bytes) that this would take long.
  public static func description(_ bytes: [UInt8]) -> String {
    let isNegative = (bytes.last ?? 0) & 0x80 != 0
    var magnitude = bytes
    if isNegative {
      var carry = true
      for place in magnitude.indices {
        magnitude[place] = ~magnitude[place]
        if carry { (magnitude[place], carry) = magnitude[place].addingReportingOverflow(1) }
      }
    }
    let sign = isNegative ? "-" : ""
    guard magnitude.count <= 1024 else {
      let digits: [String] = magnitude.reversed().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      return sign + "0x" + digits.joined()
    }
    var groups: [UInt32] = []
    for byte in magnitude.reversed() {
      var carry = UInt64(byte)
      for place in groups.indices {
        carry += UInt64(groups[place]) << 8
        groups[place] = UInt32(carry % 1_000_000_000)
        carry /= 1_000_000_000
      }
      if carry > 0 { groups.append(UInt32(carry)) }
    }
    while groups.last == 0 { groups.removeLast() }
    guard let first = groups.last else { return "0" }
    let rest = groups.dropLast().reversed().map { group in
      let digits = String(group)
      return String(repeating: "0", count: 9 - digits.count) + digits
    }
    return sign + String(first) + rest.joined()
  }

  /// The number that decimal digits (with a sign, perhaps) say; nil if they don't, or are more than 4,300, CPython's
  /// own limit.
  static func node(decimal text: Substring) -> PickleNode? {
    if let value = Int64(text) { return .int(value) }
    var digits = text
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits.removeFirst() }
    guard !digits.isEmpty, digits.utf8.count <= 4300 else { return nil }
    var bytes: [UInt8] = []
    for digit in digits.utf8 {
      guard (0x30...0x39).contains(digit) else { return nil }
      var carry = UInt16(digit - 0x30)
      for place in bytes.indices {
        carry += UInt16(bytes[place]) * 10
        bytes[place] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { bytes.append(UInt8(carry)) }
    }
    bytes.append(0)
    if isNegative {
      var carry = true
      for place in bytes.indices {
        bytes[place] = ~bytes[place]
        if carry { (bytes[place], carry) = bytes[place].addingReportingOverflow(1) }
      }
    }
    return node(bytes)
  }
}
