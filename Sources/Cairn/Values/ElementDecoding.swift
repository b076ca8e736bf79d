/// Turns a block of elements into numbers.
extension ElementFormat {
  /// Writes the numbers of `count` elements, two for each complex one, to `numbers`; nothing for raw bytes.
  ///
  /// `bytes` is aligned for the type, in this machine's byte order. Integers of 64 bits are rounded.
  func decode(_ bytes: UnsafeRawPointer, count: Int, into numbers: UnsafeMutablePointer<Double>) {
    let total = count * componentCount
    switch self {
    case .float64, .complex128: numbers.update(from: bytes.assumingMemoryBound(to: Double.self), count: total)
    case .float32, .complex64:
      let values = bytes.assumingMemoryBound(to: Float.self)
      for index in 0..<total { numbers[index] = Double(values[index]) }
    case .bfloat16:
      let values = bytes.assumingMemoryBound(to: UInt16.self)
      for index in 0..<total { numbers[index] = Double(Float(bitPattern: UInt32(values[index]) << 16)) }
    case .float16, .complex32:
      let values = bytes.assumingMemoryBound(to: UInt16.self)
      for index in 0..<total { numbers[index] = Double(Self.half(values[index])) }
    case .float8(let type):
      let values = bytes.assumingMemoryBound(to: UInt8.self)
      type.values.withUnsafeBufferPointer { table in
        for index in 0..<total { numbers[index] = table[Int(values[index])] }
      }
    case .int8: Self.convert(bytes, as: Int8.self, total, numbers)
    case .int16: Self.convert(bytes, as: Int16.self, total, numbers)
    case .int32: Self.convert(bytes, as: Int32.self, total, numbers)
    case .int64: Self.convert(bytes, as: Int64.self, total, numbers)
    case .uint8: Self.convert(bytes, as: UInt8.self, total, numbers)
    case .uint16: Self.convert(bytes, as: UInt16.self, total, numbers)
    case .uint32: Self.convert(bytes, as: UInt32.self, total, numbers)
    case .uint64: Self.convert(bytes, as: UInt64.self, total, numbers)
    case .bool:
      let values = bytes.assumingMemoryBound(to: UInt8.self)
      for index in 0..<total { numbers[index] = values[index] == 0 ? 0 : 1 }
    case .raw: return
    }
  }

  @inline(__always)
  private static func convert<Number: FixedWidthInteger>(
    _ bytes: UnsafeRawPointer, as type: Number.Type, _ count: Int, _ numbers: UnsafeMutablePointer<Double>
  ) {
    let values = bytes.assumingMemoryBound(to: Number.self)
    for index in 0..<count { numbers[index] = Double(values[index]) }
  }

  /// IEEE 754 binary16 without a branch, so that a loop over it becomes vector instructions: the bits moved to where a
  /// `Float` has them are the number with another bias, whose power of two a multiplication takes away.
  @inline(__always)
  private static func half(_ bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let special = magnitude | 0x7F80_0000
    let isSpecial = magnitude >= 0x0F80_0000
    return Float(bitPattern: (isSpecial ? special : scaled) | UInt32(bits & 0x8000) << 16)
  }

  /// Turns the bytes of each number round: from the other byte order to this machine's.
  func swapBytes(_ bytes: UnsafeMutableRawPointer, count: Int) {
    let total = count * componentCount
    switch componentSize {
    case 2: Self.swap(bytes, as: UInt16.self, total)
    case 4: Self.swap(bytes, as: UInt32.self, total)
    case 8: Self.swap(bytes, as: UInt64.self, total)
    default: return
    }
  }

  private static func swap<Number: FixedWidthInteger>(
    _ bytes: UnsafeMutableRawPointer, as type: Number.Type, _ count: Int
  ) {
    let values = bytes.assumingMemoryBound(to: Number.self)
    for index in 0..<count { values[index] = values[index].byteSwapped }
  }
}
