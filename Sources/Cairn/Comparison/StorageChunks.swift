/// The chunks of one storage, and where in it each begins.
struct StorageChunks {
  private let chunks: [TensorCatalog.Chunk]
  /// Ascending; the storage's end comes last.
  private let starts: [Int]

  init(_ chunks: [TensorCatalog.Chunk]) {
    self.chunks = chunks
    var end = 0
    starts =
      [0]
      + chunks.map { chunk in
        end &+= chunk.length
        return end
      }
  }

  /// Those that a stretch of the storage reaches over, each with its start: a flat buffer may have 10,000 views and
  /// 60,000 chunks.
  func reaching(over span: Range<Int>) -> some Sequence<(TensorCatalog.Chunk, Int)> {
    let first = Self.count(of: starts.dropFirst()) { $0 <= span.lowerBound }
    let last = max(Self.count(of: starts.dropLast()) { $0 < span.upperBound }, first)
    return zip(chunks[first..<last], starts[first..<last])
  }

  /// How many of ascending numbers are below a limit.
  private static func count(of numbers: ArraySlice<Int>, _ isBelow: (Int) -> Bool) -> Int {
    var (low, high) = (numbers.startIndex, numbers.endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if isBelow(numbers[middle]) { low = middle + 1 } else { high = middle }
    }
    return low - numbers.startIndex
  }
}
