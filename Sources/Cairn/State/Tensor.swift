/// A view on a storage: PyTorch's strided tensor, without the arithmetic.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// Elements along each dimension; empty for a scalar.
  public let shape: [Int]
  /// Elements (not bytes) between neighbours along each dimension.
  public let strides: [Int]
  /// Where the first element lies in ``storage``, in bytes.
  public let byteOffset: Int
  /// The bytes, which other tensors may share.
  public let storage: TensorStorage
  /// PyTorch's `requires_grad`.
  public var requiresGrad: Bool
  /// Whether it is a `torch.nn.Parameter`.
  public var isParameter: Bool

  /// Makes a view on a storage.
  ///
  /// - Parameter strides: In elements; nil for row-major without gaps.
  /// - Throws: ``TensorError`` if the view reaches beyond the storage.
  public init(
    dtype: DType, shape: [Int], strides: [Int]? = nil, byteOffset: Int = 0, storage: TensorStorage,
    requiresGrad: Bool = false, isParameter: Bool = false
  ) throws(TensorError) {
    let strides = if let strides { strides } else { try Self.contiguousStrides(shape) }
    let problem = StridedView.problem(
      dtype: dtype, shape: shape, strides: strides, byteOffset: byteOffset, byteCount: storage.byteCount)
    if let problem { throw TensorError(problem) }
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.byteOffset = byteOffset
    self.storage = storage
    self.requiresGrad = requiresGrad
    self.isParameter = isParameter
  }

  /// Makes a tensor with a storage of its own that holds `values` in row-major order.
  ///
  /// - Throws: ``TensorError`` if `shape` is not that of `values.count` elements.
  public init<Element: TensorElement>(_ values: [Element], shape: [Int]) throws(TensorError) {
    guard StridedView.elementCount(shape) == values.count else {
      throw TensorError("\(values.count) values do not fill shape \(shape)")
    }
    let bytes = values.withUnsafeBytes { Array($0) }
    try self.init(dtype: Element.dtype, shape: shape, storage: TensorStorage(bytes))
  }

  /// Makes a one-dimensional tensor that holds `values`.
  public init<Element: TensorElement>(_ values: [Element]) throws(TensorError) {
    try self.init(values, shape: [values.count])
  }

  /// Makes a scalar.
  public init<Element: TensorElement>(scalar value: Element) throws(TensorError) {
    try self.init([value], shape: [])
  }

  /// The strides of a row-major tensor without gaps.
  ///
  /// - Throws: ``TensorError`` if `shape` has a negative size or too many elements.
  public static func contiguousStrides(_ shape: [Int]) throws(TensorError) -> [Int] {
    guard shape.allSatisfy({ $0 >= 0 }) else { throw TensorError("shape \(shape) has a negative size") }
    var strides = [Int](repeating: 1, count: shape.count)
    for dimension in shape.indices.dropLast().reversed() {
      // PyTorch counts an empty dimension as one element here.
      let (stride, overflows) = strides[dimension + 1].multipliedReportingOverflow(by: max(shape[dimension + 1], 1))
      guard !overflows else { throw TensorError("shape \(shape) is too large") }
      strides[dimension] = stride
    }
    return strides
  }

  /// How many elements it has.
  public var elementCount: Int { StridedView.elementCount(shape) ?? 0 }

  /// Whether the elements lie in row-major order without gaps.
  public var isContiguous: Bool {
    if elementCount == 0 { return true }
    guard let expected = try? Self.contiguousStrides(shape) else { return false }
    return zip(shape, zip(strides, expected)).allSatisfy { size, pair in size == 1 || pair.0 == pair.1 }
  }

  /// The elements in row-major order, wherever they lie.
  ///
  /// - Throws: ``TensorError`` if they are not of type `Element`.
  public func values<Element: TensorElement>(as type: Element.Type = Element.self) throws(TensorError) -> [Element] {
    guard Element.dtype == dtype else { throw TensorError("its elements are \(dtype.rawValue), not \(Element.self)") }
    var values: [Element] = []
    storage.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      var offsets = ElementOffsets(self)
      while let offset = offsets.next() { values.append(Element.load(from: base + offset)) }
    }
    return values
  }

  /// Whether both have the same type and shape, and the same bytes in each element, wherever these lie.
  public func hasSameElements(as other: Tensor) -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    if storage === other.storage, byteOffset == other.byteOffset, strides == other.strides { return true }
    let size = dtype.itemSize
    return storage.withUnsafeBytes { left in
      other.storage.withUnsafeBytes { right in
        var leftOffsets = ElementOffsets(self)
        var rightOffsets = ElementOffsets(other)
        while let leftOffset = leftOffsets.next(), let rightOffset = rightOffsets.next() {
          guard left[leftOffset..<leftOffset + size].elementsEqual(right[rightOffset..<rightOffset + size]) else {
            return false
          }
        }
        return true
      }
    }
  }
}

/// Equal if the elements' bytes are, and both flags; how they lie in their storages does not matter.
extension Tensor: Hashable {
  public static func == (left: Tensor, right: Tensor) -> Bool {
    left.requiresGrad == right.requiresGrad && left.isParameter == right.isParameter
      && left.hasSameElements(as: right)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(dtype)
    hasher.combine(shape)
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String { "tensor(\(dtype.rawValue), shape: \(shape), \(storage.location))" }
}

/// Why a tensor cannot be made, or not be read in the way asked for.
public struct TensorError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  public let problem: String

  init(_ problem: String) { self.problem = problem }

  public var description: String { "no valid tensor: \(problem)" }
}

/// The places of a tensor's elements in its storage, in bytes, in row-major order.
struct ElementOffsets: IteratorProtocol {
  private let shape: [Int]
  private let steps: [Int]
  private var index: [Int]
  private var offset: Int
  private var isDone: Bool

  init(_ tensor: Tensor) {
    shape = tensor.shape
    // A stride along a dimension of one element is never taken, and may be anything.
    steps = zip(tensor.shape, tensor.strides).map { $0 > 1 ? $1 * tensor.dtype.itemSize : 0 }
    index = [Int](repeating: 0, count: tensor.shape.count)
    offset = tensor.byteOffset
    isDone = tensor.shape.contains(0)
  }

  mutating func next() -> Int? {
    guard !isDone else { return nil }
    defer { advance() }
    return offset
  }

  private mutating func advance() {
    for dimension in index.indices.reversed() {
      index[dimension] += 1
      offset += steps[dimension]
      if index[dimension] < shape[dimension] { return }
      offset -= steps[dimension] * index[dimension]
      index[dimension] = 0
    }
    isDone = true
  }
}
