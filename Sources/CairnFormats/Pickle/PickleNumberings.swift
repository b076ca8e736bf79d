/// Where a pickle numbers its values, and to which of these numbers it refers: what is needed to leave the others out,
/// as Python's `pickletools.optimize` does (Lib/pickletools.py).
///
/// Python's pickler numbers every value, since it cannot know which will occur again. Few do, and each numbering that is
/// left out is a step that no unpickler takes: of a state of many tensors a quarter, and a third of the bytes.
struct PickleNumberings {
  /// A number that nobody refers to can go without another changing: none is counted, and there are no frames with
  /// lengths. So protocols before 4 are written.
  private var areExplicit = true
  private var puts: [(start: Int, end: Int, number: UInt64)] = []
  private var isRecalled: [Bool]

  init(byteCount: Int) { isRecalled = Array(repeating: false, count: byteCount) }

  /// Notes an opcode that gives a number.
  mutating func put(_ opcode: Range<Int>, _ number: UInt64) {
    if areExplicit { puts.append((opcode.lowerBound, opcode.upperBound, number)) }
  }

  mutating func recall(_ number: UInt64) {
    // A pickler gives no more numbers than its pickle has bytes. One who numbers otherwise may keep them.
    guard number < UInt64(isRecalled.count) else { return keepAll() }
    isRecalled[Int(number)] = true
  }

  mutating func keepAll() {
    areExplicit = false
    puts = []
  }

  /// The pickle without the numbers that it does not refer to.
  func applied(to pickle: [UInt8]) -> [UInt8] {
    guard areExplicit else { return pickle }
    var result: [UInt8] = []
    result.reserveCapacity(pickle.count)
    var kept = 0
    for put in puts where put.number >= UInt64(isRecalled.count) || !isRecalled[Int(put.number)] {
      result += pickle[kept..<put.start]
      kept = put.end
    }
    result += pickle[kept...]
    return result
  }
}
