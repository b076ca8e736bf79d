/// An order in which the elements of one or two views of the same shape are gone through together.
struct ElementOrder: Sendable {
  /// How many steps there are along each dimension, the outermost first; neighbours that are one run are merged.
  private(set) var sizes: [Int] = []
  /// For each view, elements between neighbours along each dimension.
  private(set) var strides: [[Int]]
  /// How often each element that is gone through counts: dimensions along which nothing moves are not walked.
  private(set) var repeats = 1
  /// How many elements are gone through.
  private(set) var count: Int

  /// - Parameter rowMajor: Keep the order of the shape; else, the order in which the first view's elements lie in
  ///   memory, which is as good for whatever does not depend on order, and reads its bytes one after the other.
  init(shape: [Int], strides views: [[Int]], rowMajor: Bool = false) {
    strides = views.map { _ in [] }
    // Of a shape without elements the other sizes may be anything.
    count = shape.contains(0) ? 0 : shape.reduce(1, *)
    guard count > 0 else { return }
    var dimensions = shape.indices.filter { shape[$0] != 1 }
    if !rowMajor {
      let still = dimensions.filter { dimension in views.allSatisfy { $0[dimension] == 0 } }
      for dimension in still { repeats *= shape[dimension] }
      count /= repeats
      dimensions.removeAll { still.contains($0) }
      dimensions.sort { left, right in
        for view in views where view[left] != view[right] { return view[left] > view[right] }
        return left < right
      }
    }
    for dimension in dimensions {
      let isRun =
        !sizes.isEmpty
        && views.indices.allSatisfy { view in
          let (reach, overflows) = views[view][dimension].multipliedReportingOverflow(by: shape[dimension])
          return !overflows && strides[view].last == reach
        }
      if isRun {
        sizes[sizes.count - 1] *= shape[dimension]
        for view in views.indices { strides[view][sizes.count - 1] = views[view][dimension] }
      } else {
        sizes.append(shape[dimension])
        for view in views.indices { strides[view].append(views[view][dimension]) }
      }
    }
  }

  /// Whether a view's elements are gone through from the first byte to the last, so that they can be streamed.
  func isAscending(_ view: Int) -> Bool {
    sizes.indices.dropLast().allSatisfy { strides[view][$0] >= strides[view][$0 + 1] }
  }
}
