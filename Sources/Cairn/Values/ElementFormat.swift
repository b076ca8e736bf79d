import CairnFormats

/// How the bytes of one element are a number.
enum ElementFormat: Sendable, Hashable {
  case float64, float32, float16, bfloat16
  case float8(SmallFloat)
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case bool
  /// Two numbers, the real part first.
  case complex32, complex64, complex128
  /// Several numbers in a byte, or a type that is not known: bytes only.
  case raw

  init(_ dtype: DType?) {
    switch dtype {
    case .float64: self = .float64
    case .float32: self = .float32
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .float8E4M3FN: self = .float8(.e4m3fn)
    case .float8E5M2: self = .float8(.e5m2)
    case .float8E4M3FNUZ: self = .float8(.e4m3fnuz)
    case .float8E5M2FNUZ: self = .float8(.e5m2fnuz)
    case .float8E8M0FNU: self = .float8(.e8m0fnu)
    case .int8, .qint8: self = .int8
    case .int16: self = .int16
    case .int32, .qint32: self = .int32
    case .int64: self = .int64
    case .uint8, .quint8: self = .uint8
    case .uint16: self = .uint16
    case .uint32: self = .uint32
    case .uint64: self = .uint64
    case .bool: self = .bool
    case .complex32: self = .complex32
    case .complex64: self = .complex64
    case .complex128: self = .complex128
    case .float4E2M1FNx2, .quint4x2, .quint2x4, nil: self = .raw
    }
  }

  /// Bytes of an element.
  var itemSize: Int { componentSize * componentCount }

  /// Bytes of each number that an element is made of: what a byte order applies to.
  var componentSize: Int {
    switch self {
    case .float8, .int8, .uint8, .bool, .raw: 1
    case .float16, .bfloat16, .int16, .uint16, .complex32: 2
    case .float32, .int32, .uint32, .complex64: 4
    case .float64, .int64, .uint64, .complex128: 8
    }
  }

  /// How many numbers an element is made of.
  var componentCount: Int { isComplex ? 2 : 1 }

  var isComplex: Bool {
    switch self {
    case .complex32, .complex64, .complex128: true
    default: false
    }
  }

  /// Whether squares of its numbers may leave the range of a `Double`.
  var isWide: Bool { self == .float64 || self == .complex128 }

  var isInteger: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool: true
    default: false
    }
  }
}
