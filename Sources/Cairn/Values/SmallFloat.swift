/// The 8-bit floating point types: OCP "8-bit Floating Point Specification" for e4m3fn and e5m2, OCP "Microscaling
/// Formats" for e8m0fnu, c10/util/Float8_e4m3fnuz.h and Float8_e5m2fnuz.h for those without a negative zero.
enum SmallFloat: Sendable, Hashable {
  case e4m3fn, e5m2, e4m3fnuz, e5m2fnuz, e8m0fnu

  /// What each byte stands for.
  var values: [Double] {
    switch self {
    case .e4m3fn: Self.e4m3fnValues
    case .e5m2: Self.e5m2Values
    case .e4m3fnuz: Self.e4m3fnuzValues
    case .e5m2fnuz: Self.e5m2fnuzValues
    case .e8m0fnu: Self.e8m0fnuValues
    }
  }

  private static let e4m3fnValues = table { bits in
    bits & 0x7F == 0x7F ? .nan : number(bits, fractionBits: 3, bias: 7)
  }
  private static let e5m2Values = table { bits in
    switch bits & 0x7F {
    case 0x7C: bits == 0x7C ? .infinity : -.infinity
    case 0x7D...: .nan
    default: number(bits, fractionBits: 2, bias: 15)
    }
  }
  private static let e4m3fnuzValues = table { $0 == 0x80 ? .nan : number($0, fractionBits: 3, bias: 8) }
  private static let e5m2fnuzValues = table { $0 == 0x80 ? .nan : number($0, fractionBits: 2, bias: 16) }
  private static let e8m0fnuValues = table { bits in
    bits == 0xFF ? .nan : Double(sign: .plus, exponent: bits - 127, significand: 1)
  }

  private static func table(_ value: (Int) -> Double) -> [Double] { (0..<256).map(value) }

  /// Sign, exponent, fraction, as in IEEE 754 without its infinities and NaNs.
  private static func number(_ bits: Int, fractionBits: Int, bias: Int) -> Double {
    let exponent = (bits & 0x7F) >> fractionBits
    let fraction = Double(bits & ((1 << fractionBits) - 1)) / Double(1 << fractionBits)
    let significand = exponent == 0 ? fraction : 1 + fraction
    let magnitude = significand * Double(sign: .plus, exponent: max(exponent, 1) - bias, significand: 1)
    return bits & 0x80 == 0 ? magnitude : -magnitude
  }
}
