import Cairn

/// What a tensor's values are like, in JSON.
struct SummaryView: Encodable {
  var name: String
  var dtype: String
  var shape: [Int]
  var bytes: Int
  var count: Int?
  var nan: Int?
  var inf: Int?
  var zeros: Int?
  var min: Double?
  var max: Double?
  var mean: Double?
  var std: Double?
  var histogram: [Bin]?

  struct Bin: Encodable {
    var from: Double
    var to: Double
    var count: Int
  }

  init(_ summary: TensorSummary) {
    name = summary.name
    dtype = summary.dtype
    shape = summary.shape
    bytes = summary.bytes
    count = summary.count
    guard summary.count != nil else { return }
    nan = summary.nanCount
    inf = summary.infinityCount
    zeros = summary.zeroCount
    min = summary.minimum
    max = summary.maximum
    mean = summary.mean
    std = summary.standardDeviation
    histogram = summary.histogram.map { Bin(from: $0.from, to: $0.to, count: $0.count) }
  }
}
