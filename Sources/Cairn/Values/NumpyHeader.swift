import CairnFormats

/// The header of a `.npy` file (numpy/lib/format.py; "NPY format", versions 1.0 and 2.0).
enum NumpyHeader {
  /// The bytes before the elements, which follow in row-major order; nil if NumPy has no such type.
  static func bytes(_ dtype: DType, shape: [Int]) -> [UInt8]? {
    guard let description = description(of: dtype) else { return nil }
    // As Python writes a tuple: one of a single item ends in a comma.
    let items = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let text = "{'descr': '\(description)', 'fortran_order': False, 'shape': (\(items)), }"
    let isShort = 10 + text.utf8.count + 64 <= Int(UInt16.max)
    let start = isShort ? 10 : 12
    // The elements begin at a multiple of 64; the header ends in a newline.
    let padding = (64 - (start + text.utf8.count + 1) % 64) % 64
    let length = text.utf8.count + padding + 1
    var header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [isShort ? 1 : 2, 0]
    for byte in 0..<(isShort ? 2 : 4) { header.append(UInt8(truncatingIfNeeded: length >> (8 * byte))) }
    header += Array(text.utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: padding)
    return header + [UInt8(ascii: "\n")]
  }

  /// NumPy's name of a type in little-endian order; nil if it has none. Quantized numbers are the integers they are kept
  /// as.
  private static func description(of dtype: DType) -> String? {
    switch dtype {
    case .float16: "<f2"
    case .float32: "<f4"
    case .float64: "<f8"
    case .complex64: "<c8"
    case .complex128: "<c16"
    case .int8, .qint8: "|i1"
    case .int16: "<i2"
    case .int32, .qint32: "<i4"
    case .int64: "<i8"
    case .uint8, .quint8: "|u1"
    case .uint16: "<u2"
    case .uint32: "<u4"
    case .uint64: "<u8"
    case .bool: "|b1"
    case .bfloat16, .complex32, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU,
      .float4E2M1FNx2, .quint4x2, .quint2x4:
      nil
    }
  }
}
