/// The element types of tensors, by PyTorch's names (torch/csrc/utils/tensor_dtypes.cpp, c10/core/ScalarType.h).
public enum DType: String, Sendable, CaseIterable, Codable {
  case uint8, int8, uint16, int16, uint32, int32, uint64, int64
  case float16, bfloat16, float32, float64
  case complex32, complex64, complex128
  case bool
  case float8E4M3FN = "float8_e4m3fn"
  case float8E5M2 = "float8_e5m2"
  case float8E4M3FNUZ = "float8_e4m3fnuz"
  case float8E5M2FNUZ = "float8_e5m2fnuz"
  case float8E8M0FNU = "float8_e8m0fnu"
  case float4E2M1FNx2 = "float4_e2m1fn_x2"
  case qint8, quint8, qint32, quint4x2, quint2x4

  /// Bytes that one element of a storage takes.
  public var itemSize: Int {
    switch self {
    case .uint8, .int8, .bool, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU,
      .float4E2M1FNx2, .qint8, .quint8, .quint4x2, .quint2x4:
      return 1
    case .uint16, .int16, .float16, .bfloat16: return 2
    case .uint32, .int32, .float32, .complex32, .qint32: return 4
    case .uint64, .int64, .float64, .complex64: return 8
    case .complex128: return 16
    }
  }
}
