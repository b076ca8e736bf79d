import CairnCore

/// Reads safetensors files: an 8-byte little-endian length, a JSON header of that length, and the tensors' bytes.
///
/// The rules are upstream's (safetensors README.md "Format" and safetensors/src/tensor.rs).
public enum Safetensors {
  /// The largest header that is read, in bytes; upstream's limit.
  static let maximumHeaderSize = 100_000_000

  /// Whether the bytes may be a safetensors file: a possible header length, then `{`.
  static func isLikely(_ source: some ByteSource) throws -> Bool {
    guard source.size >= 10 else { return false }
    let bytes = try source.bytes(at: 0, count: 9)
    let length = ZipFields(bytes[...]).first64
    return bytes[8] == UInt8(ascii: "{") && length >= 2 && length <= UInt64(maximumHeaderSize)
      && length <= UInt64(source.size - 8)
  }

  /// Where the tensors lie: each is a storage of its own, in the order of the file.
  ///
  /// The header's `__metadata__` becomes the metadata's member `safetensors`, an object of strings. Four-bit floats
  /// are counted in pairs, as PyTorch does; the 6-bit ones, which it does not have, are called `float6_e2m3fn` and
  /// `float6_e3m2fn`.
  ///
  /// Throws ``FormatError`` if a rule is broken, and what the source throws.
  public static func layout(of source: some ByteSource) throws -> FileLayout {
    func failure(_ problem: String) -> FormatError { FormatError(.safetensors, path: source.name, problem) }

    guard source.size >= 8 else { throw failure("it has \(source.size) bytes, too few even for a header's length") }
    let length = ZipFields(try source.bytes(at: 0, count: 8)[...]).first64
    guard length <= UInt64(maximumHeaderSize) else {
      throw failure("its header is said to have \(length) bytes, more than the \(maximumHeaderSize) allowed")
    }
    let headerSize = Int(length)
    guard headerSize <= source.size - 8 else {
      throw failure("it is truncated: its header of \(headerSize) bytes does not fit a file of \(source.size)")
    }
    let bytes = try source.bytes(at: 8, count: headerSize)
    guard bytes.first == UInt8(ascii: "{") else { throw failure("its header does not begin with {") }
    let header: SafetensorsHeader
    do {
      header = try SafetensorsHeader(parsing: bytes)
    } catch let problem as SafetensorsHeader.Problem {
      throw failure(problem.text)
    }

    let dataStart = 8 + headerSize
    let dataSize = source.size - dataStart
    let ordered = header.tensors.sorted {
      ($0.value.begin, $0.value.end, $0.key) < ($1.value.begin, $1.value.end, $1.key)
    }
    var storages: [FileLayout.Extent] = []
    var tensors: [TensorEntry] = []
    var position = 0
    for (name, tensor) in ordered {
      guard let dtype = SafetensorsDType(rawValue: tensor.dtype) else {
        throw failure("tensor \(name) has an unknown type, \(tensor.dtype)")
      }
      guard tensor.begin == position, tensor.end >= tensor.begin else {
        throw failure(
          "tensor \(name) lies at \(tensor.begin) to \(tensor.end), but the one before it ends at \(position)")
      }
      guard let byteCount = dtype.byteCount(tensor.shape), byteCount == tensor.end - tensor.begin else {
        throw failure(
          "tensor \(name) of type \(tensor.dtype) and shape \(tensor.shape) does not have "
            + "\(tensor.end - tensor.begin) bytes")
      }
      guard tensor.end <= dataSize else {
        throw failure("it is truncated: tensor \(name) ends at \(tensor.end), the data at \(dataSize)")
      }
      position = tensor.end
      guard let shape = dtype.torchShape(tensor.shape), let strides = contiguousStrides(shape) else {
        throw failure("tensor \(name) of shape \(tensor.shape) is too large")
      }
      tensors.append(
        TensorEntry(
          name: name, dtype: dtype.entryName, shape: shape, strides: strides, byteOffset: 0, storage: storages.count))
      storages.append(FileLayout.Extent(offset: dataStart + tensor.begin, length: byteCount))
    }
    guard position == dataSize else {
      throw failure("it has \(dataSize - position) bytes after its last tensor")
    }
    let metadata: [String: JSONValue] =
      header.metadata.isEmpty ? [:] : ["safetensors": .object(header.metadata.mapValues { .string($0) })]
    return FileLayout(format: .safetensors, storages: storages, tensors: tensors, metadata: metadata)
  }

  /// Row-major strides in elements, a dimension of 0 counting as 1 as in PyTorch; nil if they overflow.
  private static func contiguousStrides(_ shape: [Int]) -> [Int]? {
    var strides = [Int](repeating: 1, count: shape.count)
    var product = 1
    for index in shape.indices.reversed() {
      strides[index] = product
      let (next, overflow) = product.multipliedReportingOverflow(by: max(1, shape[index]))
      guard !overflow else { return nil }
      product = next
    }
    return strides
  }
}

extension SafetensorsDType {
  /// The shape as PyTorch has it: pairs of 4-bit floats in the last dimension. Nil if there is an odd one.
  fileprivate func torchShape(_ shape: [Int]) -> [Int]? {
    guard self == .f4 else { return shape }
    guard let last = shape.last, last % 2 == 0 else { return nil }
    return shape.dropLast() + [last / 2]
  }
}

extension ZipFields {
  /// The 64-bit integer at the front, 0 if there are too few bytes.
  fileprivate var first64: UInt64 {
    var copy = self
    return copy.take(UInt64.self) ?? 0
  }
}
