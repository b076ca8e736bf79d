import CairnCore

/// Writes a safetensors file in one pass, tensors ordered and header padded as upstream does.
///
/// By the alignment of their types from large to small, then by name (safetensors/src/tensor.rs, `prepare`).
public struct SafetensorsWriter {
  /// A tensor whose bytes are asked for when it is its turn.
  public struct Tensor {
    /// Its name; not `__metadata__`.
    public var name: String
    /// Its element type; one that safetensors has.
    public var dtype: DType
    /// Elements along each dimension, as PyTorch counts them.
    public var shape: [Int]
    /// How many bytes it has, contiguous and row-major.
    public var byteCount: Int
    /// Gives the bytes, in pieces, to the closure it gets.
    public var write: (ZipWriter.Sink) throws -> Void

    /// Makes a tensor from its parts.
    public init(
      name: String, dtype: DType, shape: [Int], byteCount: Int, write: @escaping (ZipWriter.Sink) throws -> Void
    ) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.byteCount = byteCount
      self.write = write
    }
  }

  /// A tensor that could not be written as it was asked for.
  public struct TensorError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The tensor's name.
    public let name: String
    /// What is wrong with it.
    public let problem: String

    public var description: String { "tensor \(name) cannot be written to safetensors: \(problem)" }
  }

  /// The strings of the header's `__metadata__`.
  public var metadata: [String: String]

  /// Makes a writer of files with that metadata.
  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Writes the whole file to `sink`; the same tensors, in whatever order, give the same bytes.
  ///
  /// Throws ``TensorError`` for a name twice, a type that safetensors does not have, or a byte count that the shape
  /// does not give; and what the closures throw.
  public func write(_ tensors: [Tensor], to sink: ZipWriter.Sink) throws {
    let ordered = try SafetensorsWriter.ordered(tensors)
    let header = try header(ordered)
    var start = ZipFieldWriter()
    start.put(UInt64(header.count))
    start.put(header)
    try start.bytes.withUnsafeBytes { try sink($0) }
    for (tensor, _) in ordered {
      var count = 0
      try tensor.write { piece in
        guard piece.count <= tensor.byteCount - count else {
          throw TensorError(name: tensor.name, problem: "it has more than the \(tensor.byteCount) bytes announced")
        }
        count += piece.count
        if piece.count > 0 { try sink(piece) }
      }
      guard count == tensor.byteCount else {
        throw TensorError(name: tensor.name, problem: "it has \(count) bytes, not the \(tensor.byteCount) announced")
      }
    }
  }

  private static func ordered(_ tensors: [Tensor]) throws -> [(Tensor, SafetensorsDType)] {
    let ranks = Dictionary(uniqueKeysWithValues: SafetensorsDType.allCases.enumerated().map { ($1, $0) })
    var names: Set<String> = []
    let ranked = try tensors.map { tensor in
      guard tensor.name != "__metadata__", names.insert(tensor.name).inserted else {
        throw TensorError(name: tensor.name, problem: "the name is taken")
      }
      guard let dtype = SafetensorsDType(tensor.dtype) else {
        throw TensorError(name: tensor.name, problem: "there is no type for \(tensor.dtype.rawValue)")
      }
      guard let byteCount = dtype.byteCount(dtype.fileShape(tensor.shape)), byteCount == tensor.byteCount else {
        throw TensorError(name: tensor.name, problem: "\(tensor.byteCount) bytes do not make shape \(tensor.shape)")
      }
      return (tensor, dtype, ranks[dtype] ?? 0)
    }
    // By bytes, as Rust compares strings.
    return ranked.sorted { first, second in
      first.2 != second.2
        ? first.2 > second.2 : first.0.name.utf8.lexicographicallyPrecedes(second.0.name.utf8)
    }.map { ($0.0, $0.1) }
  }

  private func header(_ tensors: [(Tensor, SafetensorsDType)]) throws -> [UInt8] {
    var members: [[UInt8]] = []
    if !metadata.isEmpty {
      let strings = JSONValue.object(metadata.mapValues { .string($0) })
      members.append(Array("\"__metadata__\":".utf8) + (try strings.serialized()))
    }
    var offset = 0
    for (tensor, dtype) in tensors {
      let (end, overflow) = offset.addingReportingOverflow(tensor.byteCount)
      guard !overflow else { throw TensorError(name: tensor.name, problem: "all tensors together are too large") }
      let shape = dtype.fileShape(tensor.shape).map(String.init).joined(separator: ",")
      let fields =
        #":{"dtype":"\#(dtype.rawValue)","shape":[\#(shape)],"data_offsets":[\#(offset),\#(end)]}"#
      members.append(try JSONValue.string(tensor.name).serialized() + Array(fields.utf8))
      offset = end
    }
    var header = Array("{".utf8)
    header.append(contentsOf: members.joined(separator: CollectionOfOne(UInt8(ascii: ","))))
    header.append(UInt8(ascii: "}"))
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    guard header.count <= Safetensors.maximumHeaderSize else {
      throw TensorError(
        name: tensors.last?.0.name ?? "", problem: "the header would be larger than readers allow (100 MB)")
    }
    return header
  }
}

extension SafetensorsDType {
  /// The shape as the file has it: 4-bit floats counted one by one.
  fileprivate func fileShape(_ shape: [Int]) -> [Int] {
    guard self == .f4, let last = shape.last else { return shape }
    let (doubled, overflow) = last.multipliedReportingOverflow(by: 2)
    return shape.dropLast() + [overflow ? -1 : doubled]
  }
}
