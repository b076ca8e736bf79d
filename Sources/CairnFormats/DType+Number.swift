extension DType {
  /// The number that the first element in `bytes` is, in this machine's byte order; nil for complex and quantized
  /// types and those of 8 bits or less that are floating point, and if there are too few bytes.
  public func number(in bytes: UnsafeRawBufferPointer) -> Double? {
    guard bytes.count >= itemSize else { return nil }
    switch self {
    case .uint8: return Double(bytes.loadUnaligned(as: UInt8.self))
    case .int8: return Double(bytes.loadUnaligned(as: Int8.self))
    case .uint16: return Double(bytes.loadUnaligned(as: UInt16.self))
    case .int16: return Double(bytes.loadUnaligned(as: Int16.self))
    case .uint32: return Double(bytes.loadUnaligned(as: UInt32.self))
    case .int32: return Double(bytes.loadUnaligned(as: Int32.self))
    case .uint64: return Double(bytes.loadUnaligned(as: UInt64.self))
    case .int64: return Double(bytes.loadUnaligned(as: Int64.self))
    case .float32: return Double(bytes.loadUnaligned(as: Float.self))
    case .float64: return bytes.loadUnaligned(as: Double.self)
    case .bfloat16:
      return Double(Float(bitPattern: UInt32(bytes.loadUnaligned(as: UInt16.self)) << 16))
    case .float16: return Self.half(bytes.loadUnaligned(as: UInt16.self))
    case .bool: return bytes[0] == 0 ? 0 : 1
    default: return nil
    }
  }

  /// IEEE 754 binary16, by hand since not every platform has the type.
  private static func half(_ bits: UInt16) -> Double {
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF) / 1024
    switch exponent {
    case 0: return sign * fraction * 0x1p-14
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * (1 + fraction) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }
}
