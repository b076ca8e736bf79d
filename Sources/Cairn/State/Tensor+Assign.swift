import CairnFormats

extension Tensor {
  /// Writes the elements of a tensor of the same type and shape into this one's memory.
  func assign(_ other: Tensor) {
    let size = dtype.itemSize
    let (start, otherStart) = (byteOffset, other.byteOffset)
    if shape.contains(0) { return }
    other.storage.withUnsafeBytes { source in
      storage.withUnsafeMutableBytes { target in
        if isContiguous, other.isContiguous {
          let count = elementCount * size
          UnsafeMutableRawBufferPointer(rebasing: target[start..<start + count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[otherStart..<otherStart + count]))
          return
        }
        var targets = ElementOffsets(self)
        var sources = ElementOffsets(other)
        while let targetAt = targets.next(), let sourceAt = sources.next() {
          for byte in 0..<size { target[targetAt + byte] = source[sourceAt + byte] }
        }
      }
    }
  }
}

extension Tensor {
  /// Calls `body` with the elements in row-major order: in place if they lie so, else a copy.
  func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    let count = elementCount * dtype.itemSize
    if isContiguous || count == 0 {
      return try storage.withUnsafeBytes {
        try body(UnsafeRawBufferPointer(rebasing: count == 0 ? $0[..<0] : $0[byteOffset..<byteOffset + count]))
      }
    }
    let copy = try Tensor(
      dtype: dtype, shape: shape, strides: Tensor.contiguousStrides(shape), byteOffset: 0,
      storage: TensorStorage(byteCount: count))
    copy.assign(self)
    return try copy.storage.withUnsafeBytes { try body($0) }
  }
}
