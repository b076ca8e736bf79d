/// A tensor's place in a storage, checked to lie inside it.
package struct StridedView: Sendable, Hashable {
  package var dtype: DType
  package var shape: [Int]
  /// In elements.
  package var strides: [Int]
  /// In bytes.
  package var byteOffset: Int

  /// Why `shape`, `strides` and `byteOffset` are no view of a storage of `byteCount` bytes; nil if they are one.
  ///
  /// No number, however large, makes this trap.
  package static func problem(
    dtype: DType, shape: [Int], strides: [Int], byteOffset: Int, byteCount: Int
  ) -> String? {
    guard shape.count == strides.count else {
      return "it has \(shape.count) dimensions and \(strides.count) strides"
    }
    guard shape.allSatisfy({ $0 >= 0 }) else { return "its shape \(shape) has a negative size" }
    guard strides.allSatisfy({ $0 >= 0 }) else { return "its strides \(strides) have a negative one" }
    guard byteOffset >= 0 else { return "it starts before its storage" }
    guard byteOffset % dtype.itemSize == 0 else { return "it starts in the middle of an element" }
    guard elementCount(shape) != nil else { return "its shape \(shape) is too large" }
    if shape.contains(0) { return nil }
    var last = 0
    for (size, stride) in zip(shape, strides) {
      let (step, stepOverflows) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, sumOverflows) = last.addingReportingOverflow(step)
      guard !stepOverflows, !sumOverflows else { return "its strides \(strides) are too large" }
      last = sum
    }
    let itemsNeeded = last / dtype.elementsPerItem
    let (bytesNeeded, overflows) = itemsNeeded.multipliedReportingOverflow(by: dtype.itemSize)
    let (end, endOverflows) = bytesNeeded.addingReportingOverflow(byteOffset)
    guard !overflows, !endOverflows, end <= byteCount - dtype.itemSize else {
      return "shape \(shape) with strides \(strides) from byte \(byteOffset) reaches beyond its storage of "
        + "\(byteCount) bytes"
    }
    return nil
  }

  /// The product of the sizes; nil if it is over 64 bits.
  package static func elementCount(_ shape: [Int]) -> Int? {
    if shape.contains(0) { return 0 }
    var count = 1
    for size in shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: size)
      guard !overflows else { return nil }
      count = product
    }
    return count
  }
}
