import CairnCore

/// Reads the elements of one view in a given order, into memory, one behind the other.
struct ElementReader {
  private let sizes: [Int]
  /// In bytes.
  private let steps: [Int]
  private let format: ElementFormat
  private let isSwapped: Bool
  private let base: Int
  private let isRun: Bool
  private let bytes: ElementBytes

  init(_ view: ElementView, _ order: ElementOrder, _ index: Int, bytes: ElementBytes, isSwapped: Bool) {
    sizes = order.sizes
    format = view.format
    steps = order.strides[index].map { $0 * view.format.itemSize }
    base = view.byteOffset
    isRun = sizes.isEmpty || (sizes.count == 1 && steps[0] == view.format.itemSize)
    self.bytes = bytes
    self.isSwapped = isSwapped
  }

  /// Fills `target` with the elements whose numbers in the order are `range`.
  func read(_ range: Range<Int>, into target: UnsafeMutableRawPointer) throws {
    let item = format.itemSize
    if isRun {
      try bytes.copy(
        at: base + range.lowerBound * item,
        into: UnsafeMutableRawBufferPointer(start: target, count: range.count * item))
    } else {
      try gather(range, into: target)
    }
    if isSwapped { format.swapBytes(target, count: range.count) }
  }

  private func gather(_ range: Range<Int>, into target: UnsafeMutableRawPointer) throws {
    let inner = sizes.count - 1
    var index = [Int](repeating: 0, count: sizes.count)
    var rest = range.lowerBound
    for dimension in sizes.indices.reversed() {
      index[dimension] = rest % sizes[dimension]
      rest /= sizes[dimension]
    }
    var done = 0
    while done < range.count {
      let run = min(sizes[inner] - index[inner], range.count - done)
      var at = base
      for dimension in sizes.indices { at += index[dimension] * steps[dimension] }
      try row(at: at, count: run, step: steps[inner], into: target + done * format.itemSize)
      done += run
      index[inner] += run
      var dimension = inner
      while dimension > 0, index[dimension] == sizes[dimension] {
        index[dimension] = 0
        dimension -= 1
        index[dimension] += 1
      }
    }
  }

  private func row(at start: Int, count: Int, step: Int, into target: UnsafeMutableRawPointer) throws {
    let item = format.itemSize
    if step == item {
      return try bytes.copyNear(
        at: start, into: UnsafeMutableRawBufferPointer(start: target, count: count * item))
    }
    var done = 0
    while done < count {
      let found = try bytes.near(start + done * step, atLeast: item, isSparse: step >= ElementBytes.windowSize)
      let fitting = step == 0 ? count - done : min(count - done, (found.count - item) / step + 1)
      guard let source = found.baseAddress else { return }
      let destination = target + done * item
      switch item {
      case 1: Self.pick(source, step, fitting, destination, as: UInt8.self)
      case 2: Self.pick(source, step, fitting, destination, as: UInt16.self)
      case 4: Self.pick(source, step, fitting, destination, as: UInt32.self)
      case 8: Self.pick(source, step, fitting, destination, as: UInt64.self)
      default: Self.pick(source, step, fitting, destination, as: SIMD2<UInt64>.self)
      }
      done += fitting
    }
  }

  @inline(__always)
  private static func pick<Item: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ step: Int, _ count: Int, _ target: UnsafeMutableRawPointer, as type: Item.Type
  ) {
    for index in 0..<count {
      target.storeBytes(
        of: source.loadUnaligned(fromByteOffset: index * step, as: type),
        toByteOffset: index * MemoryLayout<Item>.size, as: type)
    }
  }
}
