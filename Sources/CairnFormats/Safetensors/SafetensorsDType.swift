/// The element types of safetensors, in upstream's order (safetensors/src/tensor.rs, `Dtype`): by alignment.
enum SafetensorsDType: String, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6E2M3 = "F6_E2M3"
  case f6E3M2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8E5M2 = "F8_E5M2"
  case f8E4M3 = "F8_E4M3"
  case f8E8M0 = "F8_E8M0"
  case f8E4M3FNUZ = "F8_E4M3FNUZ"
  case f8E5M2FNUZ = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// Bits that one element takes.
  var bits: Int {
    switch self {
    case .f4: 4
    case .f6E2M3, .f6E3M2: 6
    default: (dtype?.itemSize ?? 1) * 8
    }
  }

  /// PyTorch's type; nil for the 6-bit ones, which it does not have.
  var dtype: DType? {
    switch self {
    case .bool: .bool
    case .f4: .float4E2M1FNx2
    case .f6E2M3, .f6E3M2: nil
    case .u8: .uint8
    case .i8: .int8
    case .f8E5M2: .float8E5M2
    case .f8E4M3: .float8E4M3FN
    case .f8E8M0: .float8E8M0FNU
    case .f8E4M3FNUZ: .float8E4M3FNUZ
    case .f8E5M2FNUZ: .float8E5M2FNUZ
    case .i16: .int16
    case .u16: .uint16
    case .f16: .float16
    case .bf16: .bfloat16
    case .i32: .int32
    case .u32: .uint32
    case .f32: .float32
    case .c64: .complex64
    case .f64: .float64
    case .i64: .int64
    case .u64: .uint64
    }
  }

  /// The name that a ``TensorEntry`` has.
  var entryName: String {
    switch self {
    case .f6E2M3: "float6_e2m3fn"
    case .f6E3M2: "float6_e3m2fn"
    default: dtype?.rawValue ?? rawValue
    }
  }

  /// The type that keeps `dtype`; nil if safetensors has none.
  init?(_ dtype: DType) {
    guard let found = SafetensorsDType.allCases.first(where: { $0.dtype == dtype }) else { return nil }
    self = found
  }

  /// The bytes of a tensor of that shape; nil if it is negative, overflows, or is no whole number of bytes.
  func byteCount(_ shape: [Int]) -> Int? {
    var total = bits
    for count in shape {
      guard count >= 0 else { return nil }
      let (product, overflow) = total.multipliedReportingOverflow(by: count)
      guard !overflow else { return nil }
      total = product
    }
    return total % 8 == 0 ? total / 8 : nil
  }
}
