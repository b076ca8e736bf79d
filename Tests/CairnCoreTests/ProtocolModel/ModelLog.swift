/// What a line of the log says, in the model. Checkpoints and blobs are numbers below 3.
enum ModelLine: Hashable {
  case saved(Int, replacing: Int?)
  case removed(Int)

  /// From 1 to 15.
  var code: UInt64 {
    switch self {
    case .saved(let checkpoint, let replaced): UInt64(1 + checkpoint * 4 + (replaced.map { $0 + 1 } ?? 0))
    case .removed(let checkpoint): UInt64(13 + checkpoint)
    }
  }

  init(code: UInt64) {
    let number = Int(code) - 1
    if number >= 12 {
      self = .removed(number - 12)
    } else {
      self = .saved(number / 4, replacing: number % 4 == 0 ? nil : number % 4 - 1)
    }
  }
}

/// The complete lines of a log: four bits each, the first one lowest.
struct ModelLog: Hashable, Comparable {
  private(set) var bits: UInt64 = 0

  var count: Int { (64 - bits.leadingZeroBitCount + 3) / 4 }
  var last: ModelLine? { count == 0 ? nil : self[count - 1] }

  subscript(index: Int) -> ModelLine { ModelLine(code: bits >> UInt64(4 * index) & 15) }

  func appending(_ line: ModelLine) -> ModelLog {
    var longer = self
    longer.bits |= line.code << UInt64(4 * count)
    return longer
  }

  func prefix(_ count: Int) -> ModelLog {
    var shorter = self
    if count < 16 { shorter.bits &= 1 << UInt64(4 * count) &- 1 }
    return shorter
  }

  func hasPrefix(_ other: ModelLog) -> Bool { prefix(other.count) == other }

  static func < (one: ModelLog, other: ModelLog) -> Bool { one.bits < other.bits }
}

/// The index: how far it has come, each blob's count, which checkpoints it lists.
struct ModelIndex: Hashable {
  var applied = ModelLog()
  /// Four bits for each blob: 0 no row, 1 a row at 0, 2 a row at 1 and so on.
  private var rows: UInt16 = 0
  var listed: UInt8 = 0

  /// The count of a blob; -1 if it has no row.
  subscript(blob: Int) -> Int {
    get { Int(rows >> UInt16(4 * blob) & 15) - 1 }
    set { rows = rows & ~(15 << UInt16(4 * blob)) | UInt16(max(newValue, -1) + 1) << UInt16(4 * blob) }
  }

  func lists(_ checkpoint: Int) -> Bool { listed >> UInt8(checkpoint) & 1 == 1 }

  /// The index brought up to a log that begins with what it has applied.
  func following(_ log: ModelLog, _ needs: [[Int]]) -> ModelIndex {
    var index = self
    for number in applied.count..<max(applied.count, log.count) {
      switch log[number] {
      case .saved(let checkpoint, let replaced):
        index.listed |= 1 << UInt8(checkpoint)
        for blob in needs[checkpoint] { index[blob] = max(index[blob], 0) + 1 }
        if let replaced { index.remove(replaced, needs) }
      case .removed(let checkpoint): index.remove(checkpoint, needs)
      }
    }
    index.applied = log
    return index
  }

  private mutating func remove(_ checkpoint: Int, _ needs: [[Int]]) {
    guard lists(checkpoint) else { return }
    listed &= ~(1 << UInt8(checkpoint))
    for blob in needs[checkpoint] { self[blob] -= 1 }
  }
}
