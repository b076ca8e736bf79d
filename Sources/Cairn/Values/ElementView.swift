import CairnCore
import CairnFormats

/// Where the elements of a tensor lie in its storage, checked to lie inside it.
struct ElementView: Sendable, Hashable {
  /// The type as the checkpoint names it.
  let dtype: String
  /// The tensor's shape as the checkpoint says it.
  let tensorShape: [Int]
  let format: ElementFormat
  /// Elements along each dimension; for ``ElementFormat/raw`` the bytes, as one dimension.
  let shape: [Int]
  /// In elements.
  let strides: [Int]
  let byteOffset: Int
  /// How many elements (bytes, if raw) there are.
  let elementCount: Int
  /// The bytes of the storage from the first element to the last.
  let span: Range<Int>

  /// Bytes of the elements, each counted as often as the shape has it.
  var byteCount: Int { elementCount * format.itemSize }

  /// Throws ``TensorError`` if the view reaches beyond a storage of that size, or if its elements are bits that do not
  /// lie one behind the other.
  init(_ entry: TensorEntry, storageSize: Int) throws(TensorError) {
    let known = DType(rawValue: entry.dtype)
    dtype = entry.dtype
    tensorShape = entry.shape
    format = ElementFormat(known)
    byteOffset = entry.byteOffset
    if let known, known.elementsPerItem == 1 {
      let problem = StridedView.problem(
        dtype: known, shape: entry.shape, strides: entry.strides, byteOffset: entry.byteOffset, byteCount: storageSize)
      if let problem { throw TensorError("\(entry.name): \(problem)") }
      let count = StridedView.elementCount(entry.shape) ?? 0
      guard count.multipliedReportingOverflow(by: known.itemSize).overflow == false else {
        throw TensorError("\(entry.name): its shape \(entry.shape) is too large")
      }
      shape = entry.shape
      strides = entry.strides
      elementCount = count
      let last = count == 0 ? 0 : zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      span = byteOffset..<(count == 0 ? byteOffset : byteOffset + (last + 1) * known.itemSize)
      return
    }
    let count = try Self.byteCount(entry, known, storageSize: storageSize)
    shape = [count]
    strides = [1]
    elementCount = count
    span = byteOffset..<byteOffset + count
  }

  /// The bytes of elements that are no whole bytes each.
  private static func byteCount(_ entry: TensorEntry, _ dtype: DType?, storageSize: Int) throws(TensorError) -> Int {
    guard entry.byteOffset >= 0, entry.byteOffset <= storageSize else {
      throw TensorError("\(entry.name): it starts beyond its storage")
    }
    guard let dtype else {
      // What is known of such a type is that it fills its storage.
      guard entry.byteOffset == 0 else { throw TensorError("\(entry.name): its type \(entry.dtype) is not known") }
      return storageSize
    }
    guard let expected = try? Tensor.contiguousStrides(entry.shape), let count = StridedView.elementCount(entry.shape),
      zip(entry.shape, zip(entry.strides, expected)).allSatisfy({ $0 <= 1 || $1.0 == $1.1 })
    else {
      throw TensorError("\(entry.name): its elements are parts of bytes, and do not lie one behind the other")
    }
    let bytes = count / dtype.elementsPerItem + (count % dtype.elementsPerItem == 0 ? 0 : 1)
    guard bytes <= storageSize - entry.byteOffset else {
      throw TensorError("\(entry.name): it reaches beyond its storage")
    }
    return bytes
  }

  /// The strides that matter: without those along dimensions of one element.
  var canonicalStrides: [Int] { zip(shape, strides).filter { $0.0 != 1 }.map(\.1) }

  /// Whether every byte of ``span`` belongs to an element.
  var isDense: Bool { elementCount == 0 || span.count == byteCount && !isRepeating }

  /// Whether an element is there several times: sorted by stride, each dimension has to step over the one below. For
  /// views that have elements: of others nobody has checked the strides.
  private var isRepeating: Bool {
    var reach = 1
    for (size, stride) in zip(shape, strides).filter({ $0.0 > 1 }).sorted(by: { $0.1 < $1.1 }) {
      if stride < reach { return true }
      reach = (size - 1) * stride + reach
    }
    return false
  }
}
