/// A Swift number type that tensors can be made of and read as.
public protocol TensorElement {
  /// The element type that it is in a tensor.
  static var dtype: DType { get }
  /// Reads one from its bytes, in this machine's order.
  static func load(from bytes: UnsafeRawPointer) -> Self
}

extension TensorElement {
  public static func load(from bytes: UnsafeRawPointer) -> Self { bytes.loadUnaligned(as: Self.self) }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }
extension Bool: TensorElement {
  public static var dtype: DType { .bool }
  /// Any byte but 0 is true: a `Bool` itself must not be read from a byte like 7.
  public static func load(from bytes: UnsafeRawPointer) -> Bool { bytes.load(as: UInt8.self) != 0 }
}
#if !(os(macOS) && arch(x86_64))
  extension Float16: TensorElement { public static var dtype: DType { .float16 } }
#endif
