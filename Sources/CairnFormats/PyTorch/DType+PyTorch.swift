extension DType {
  /// The storage class in module `torch` that PyTorch saves this element type's storages as; nil for types that came
  /// after PyTorch stopped to make such classes, and are saved as untyped bytes (torch/storage.py,
  /// `_dtype_to_storage_type_map` and `_new_dtypes`).
  package var storageClass: String? {
    switch self {
    case .float64: "DoubleStorage"
    case .float32: "FloatStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .int64: "LongStorage"
    case .int32: "IntStorage"
    case .int16: "ShortStorage"
    case .int8: "CharStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .complex128: "ComplexDoubleStorage"
    case .complex64: "ComplexFloatStorage"
    case .qint8: "QInt8Storage"
    case .qint32: "QInt32Storage"
    case .quint8: "QUInt8Storage"
    case .quint4x2: "QUInt4x2Storage"
    case .quint2x4: "QUInt2x4Storage"
    case .uint16, .uint32, .uint64, .complex32, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ,
      .float8E8M0FNU, .float4E2M1FNx2:
      nil
    }
  }

  /// The element type of a storage class's name.
  package init?(storageClass: String) {
    guard let dtype = Self.byStorageClass[storageClass] else { return nil }
    self = dtype
  }

  private static let byStorageClass: [String: DType] = {
    var types: [String: DType] = [:]
    for dtype in allCases {
      if let name = dtype.storageClass { types[name] = dtype }
    }
    return types
  }()

  /// How many elements of a tensor one element of its storage holds.
  package var elementsPerItem: Int {
    switch self {
    case .quint4x2: 2
    case .quint2x4: 4
    default: 1
    }
  }
}
