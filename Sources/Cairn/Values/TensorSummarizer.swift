import CairnCore
import CairnFormats
import Glibc

/// Sums up one tensor, in two passes over its bytes: what the histogram's bins are is known only after the first, and
/// deviations from a known mean lose nothing.
struct TensorSummarizer {
  let name: String
  let source: ElementSource
  let binCount: Int
  let progress: (@Sendable (Int, Int) -> Void)?
  var isCancelled: (@Sendable () -> Bool)?

  private struct Extremes: Sendable {
    var nan = 0
    var infinite = 0
    var zero = 0
    var finite = 0
    var minimum = Double.infinity
    var maximum = -Double.infinity
    /// Of the numbers times ``scale``.
    var sum = 0.0
  }

  private struct Spread: Sendable {
    var deviation = SumOfSquares()
    var bins: [Int]
  }

  /// So that a sum of large numbers stays finite.
  private static let scale = 0x1p-64

  func run() throws -> TensorSummary {
    let view = source.view
    var summary = TensorSummary(name: name, dtype: view.dtype, shape: view.tensorShape, bytes: view.byteCount)
    guard view.format != .raw else { return summary }
    let job = try ElementScan.Job([source])
    let scale = view.format.isWide ? Self.scale : 1
    let extremes = try extremes(job, scale)
    let repeats = job.order.repeats
    summary.count = view.elementCount
    summary.nanCount = extremes.nan * repeats
    summary.infinityCount = extremes.infinite * repeats
    summary.zeroCount = extremes.zero * repeats
    guard extremes.finite > 0 else { return summary }
    let mean = extremes.sum / Double(extremes.finite) / scale
    summary.minimum = extremes.minimum
    summary.maximum = extremes.maximum
    summary.mean = min(max(mean, extremes.minimum), extremes.maximum)
    let bins = HistogramBins(extremes.minimum, extremes.maximum, count: binCount, isInteger: view.format.isInteger)
    let spread = try spread(job, mean: summary.mean ?? mean, bins)
    summary.standardDeviation = spread.deviation.rootMean(of: extremes.finite) * (view.format.isWide ? 2 : 1)
    summary.histogram = spread.bins.enumerated().map {
      TensorSummary.Bin(from: bins.range($0).lowerBound, to: bins.range($0).upperBound, count: $1 * repeats)
    }
    return summary
  }

  private func extremes(_ job: ElementScan.Job, _ scale: Double) throws -> Extremes {
    let scan = ElementScan(jobs: [job], progress: half(0), isCancelled: isCancelled)
    let parts = try scan.run({ _ in Extremes() }) { [source] partial, _, block in
      let numbers = Self.numbers(source.view.format, block)
      var (low, high, sum) = (partial.minimum, partial.maximum, 0.0)
      for number in numbers {
        if number.isFinite {
          partial.finite += 1
          partial.zero += number == 0 ? 1 : 0
          low = min(low, number)
          high = max(high, number)
          sum += number * scale
        } else if number.isNaN {
          partial.nan += 1
        } else {
          partial.infinite += 1
        }
      }
      (partial.minimum, partial.maximum) = (low, high)
      partial.sum += sum
    }
    return parts[0].reduce(into: Extremes()) { whole, part in
      whole.nan += part.nan
      whole.infinite += part.infinite
      whole.zero += part.zero
      whole.finite += part.finite
      whole.minimum = min(whole.minimum, part.minimum)
      whole.maximum = max(whole.maximum, part.maximum)
      whole.sum += part.sum
    }
  }

  private func spread(_ job: ElementScan.Job, mean: Double, _ bins: HistogramBins) throws -> Spread {
    let empty = Spread(bins: [Int](repeating: 0, count: bins.count))
    let isWide = source.view.format.isWide
    let scan = ElementScan(jobs: [job], progress: half(1), isCancelled: isCancelled)
    let parts = try scan.run({ _ in empty }) { [source] partial, _, block in
      var sum = 0.0
      for number in Self.numbers(source.view.format, block) where number.isFinite {
        if isWide {
          // By halves, since it may be larger than the largest number.
          partial.deviation.add(number / 2 - mean / 2)
        } else {
          sum += (number - mean) * (number - mean)
        }
        partial.bins[bins.index(of: number)] += 1
      }
      partial.deviation.add(squares: sum)
    }
    return parts[0].reduce(into: empty) { whole, part in
      whole.deviation.add(part.deviation)
      for index in part.bins.indices { whole.bins[index] += part.bins[index] }
    }
  }

  /// The numbers of a block; moduli of complex ones.
  private static func numbers(_ format: ElementFormat, _ block: ElementScan.Block) -> UnsafeBufferPointer<Double> {
    let numbers = block.numbers[0]
    format.decode(block.bytes[0], count: block.count, into: numbers)
    if format.isComplex {
      for index in 0..<block.count { numbers[index] = modulus(numbers[2 * index], numbers[2 * index + 1]) }
    }
    return UnsafeBufferPointer(start: numbers, count: block.count)
  }

  /// NaN if a part is, even where the other is infinite: so that each element counts once.
  private static func modulus(_ real: Double, _ imaginary: Double) -> Double {
    if real.isNaN || imaginary.isNaN { return .nan }
    return real.magnitude == 0 ? imaginary.magnitude : hypot(real, imaginary)
  }

  private func half(_ pass: Int) -> (@Sendable (Int, Int) -> Void)? {
    guard let progress else { return nil }
    return { done, total in progress(done &+ pass &* total, 2 &* total) }
  }
}
