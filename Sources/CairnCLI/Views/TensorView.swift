import Cairn

/// A tensor in JSON.
struct TensorView: Encodable {
  var name: String
  var dtype: String
  var shape: [Int]
  var strides: [Int]
  var byteOffset: Int
  var storage: Int
  /// The bytes of its elements; absent if the type is unknown or the shape overflows.
  var bytes: Int?

  init(_ tensor: TensorEntry) {
    name = tensor.name
    dtype = tensor.dtype
    shape = tensor.shape
    strides = tensor.strides
    byteOffset = tensor.byteOffset
    storage = tensor.storage
    bytes = Self.bytes(tensor)
  }

  private static func bytes(_ tensor: TensorEntry) -> Int? {
    guard var bytes = DType(rawValue: tensor.dtype)?.itemSize else { return nil }
    for length in tensor.shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      if overflow { return nil }
      bytes = product
    }
    return bytes
  }
}

/// A file of a checkpoint in JSON.
struct FileView: Encodable {
  var path: String
  var size: Int
  var format: String

  init(_ file: Manifest.File) {
    path = file.path
    size = file.size
    format = file.format
  }
}
