/// Equal parts of a range; of integers, if there are few, one each.
struct HistogramBins: Sendable {
  let count: Int
  private let low: Double
  private let high: Double
  private let isEach: Bool

  init(_ low: Double, _ high: Double, count: Int, isInteger: Bool) {
    self.low = low
    self.high = high
    isEach = isInteger && high - low < Double(count)
    self.count = low == high ? 1 : isEach ? Int(high - low) + 1 : max(count, 1)
  }

  /// The bin of a number in the range.
  func index(of number: Double) -> Int {
    if low == high { return 0 }
    if isEach { return min(max(Int(number - low), 0), count - 1) }
    // By halves, since the range may be wider than the largest number.
    let part = (number / 2 - low / 2) / (high / 2 - low / 2)
    return part.isFinite ? min(max(Int(part * Double(count)), 0), count - 1) : 0
  }

  /// Where a bin begins and ends.
  func range(_ index: Int) -> ClosedRange<Double> {
    if low == high { return low...high }
    if isEach { return (low + Double(index))...(low + Double(index)) }
    return edge(index)...max(edge(index), edge(index + 1))
  }

  private func edge(_ index: Int) -> Double {
    if index == count { return high }
    let part = Double(index) / Double(count)
    return low * (1 - part) + high * part
  }
}
