import GRDBSQLite

/// `tensor_bytes(dtype, shape)`: the bytes of a tensor's elements; NULL if the type is unknown or it is more than fits
/// in 63 bits.
enum TensorBytesFunction {
  static func register(on connection: OpaquePointer) -> Int32 {
    let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS
    return sqlite3_create_function_v2(
      connection, "tensor_bytes", 2, flags, nil,
      { context, _, arguments in
        if let bytes = TensorBytesFunction.result(arguments) {
          sqlite3_result_int64(context, Int64(bytes))
        } else {
          sqlite3_result_null(context)
        }
      }, nil, nil, nil)
  }

  private static func result(_ arguments: UnsafeMutablePointer<OpaquePointer?>?) -> Int? {
    guard let dtype = text(arguments?[0]), let shape = text(arguments?[1]) else { return nil }
    return bytes(dtype: dtype, shape: shape)
  }

  private static func text(_ value: OpaquePointer??) -> UnsafeBufferPointer<UInt8>? {
    guard let value = value ?? nil, let text = sqlite3_value_text(value) else { return nil }
    return UnsafeBufferPointer(start: text, count: Int(sqlite3_value_bytes(value)))
  }

  /// `shape` is a JSON array of numbers, as the index keeps it.
  static func bytes(dtype: some Sequence<UInt8>, shape: some Sequence<UInt8>) -> Int? {
    guard var bytes = itemSize(dtype) else { return nil }
    var length: Int?
    func take() -> Bool {
      guard let known = length else { return true }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: known)
      bytes = product
      length = nil
      return !overflow
    }
    for byte in shape {
      if let digit = digit(byte) {
        let (tens, first) = (length ?? 0).multipliedReportingOverflow(by: 10)
        let (sum, second) = tens.addingReportingOverflow(digit)
        if first || second { return nil }
        length = sum
      } else if !take() {
        return nil
      }
    }
    return take() ? bytes : nil
  }

  /// By the bits in its name: float32, complex64, float8_e4m3fn, quint4x2; elements of less than a byte come several in
  /// one.
  private static func itemSize(_ dtype: some Sequence<UInt8>) -> Int? {
    let name = Array(dtype)
    if name.elementsEqual("bool".utf8) { return 1 }
    let bits = name.drop { digit($0) == nil }.prefix { digit($0) != nil }.prefix(4).reduce(0) {
      $0 * 10 + (digit($1) ?? 0)
    }
    return bits > 0 ? max(bits / 8, 1) : nil
  }

  private static func digit(_ byte: UInt8) -> Int? {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
  }
}
