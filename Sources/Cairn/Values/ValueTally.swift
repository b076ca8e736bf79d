import Glibc

/// What the comparison of elements has come to so far.
struct ValueTally: Sendable {
  var changed = 0
  var maximum = 0.0
  var difference = SumOfSquares()
  var reference = SumOfSquares()
  var newNaN = 0
  var newInfinite = 0

  /// Adds what another part of the same tensors has come to.
  mutating func add(_ other: ValueTally) {
    changed += other.changed
    maximum = max(maximum, other.maximum)
    difference.add(other.difference)
    reference.add(other.reference)
    newNaN += other.newNaN
    newInfinite += other.newInfinite
  }

  /// Adds the square of b − a, which may itself be too large a number.
  mutating func addDifference(_ a: Double, _ b: Double) {
    let delta = b - a
    if delta.isFinite { return difference.add(delta) }
    for _ in 0..<4 { difference.add(b / 2 - a / 2) }
  }

  /// The result, each element being there `repeats` times.
  func change(count: Int, repeats: Int, countsBytes: Bool) -> ValueChange {
    ValueChange(
      count: count, changedCount: changed * repeats, countsBytes: countsBytes,
      maximumDifference: countsBytes ? nil : maximum,
      relativeDifference: countsBytes ? nil : difference.ratio(to: reference),
      newNaNCount: newNaN * repeats, newInfinityCount: newInfinite * repeats)
  }
}

/// Compares blocks of elements of two formats.
struct ValueComparison: Sendable {
  let old: ElementFormat
  let new: ElementFormat

  /// Whether numbers can be compared; else bytes are.
  var hasNumbers: Bool { old != .raw && new != .raw && old.isComplex == new.isComplex }

  /// Two blocks as numbers.
  private struct Numbers {
    let old: UnsafeMutablePointer<Double>
    let new: UnsafeMutablePointer<Double>
  }

  /// Adds a block of both.
  func add(_ block: ElementScan.Block, to tally: inout ValueTally) {
    let (a, b) = (UnsafeRawPointer(block.bytes[0]), UnsafeRawPointer(block.bytes[1]))
    let count = block.count
    let scratch = Numbers(old: block.numbers[0], new: block.numbers[1])
    let isSame = old == new && memcmp(a, b, count * old.itemSize) == 0
    if old == new, !isSame { tally.changed += Self.differences(a, b, count: count, itemSize: old.itemSize) }
    guard hasNumbers else { return }
    let total = count * old.componentCount
    old.decode(a, count: count, into: scratch.old)
    if isSame {
      scratch.new.update(from: scratch.old, count: total)
    } else {
      new.decode(b, count: count, into: scratch.new)
    }
    if old != new { tally.changed += unequal(scratch, count: count) }
    if old.isComplex {
      addComplex(scratch, count: count, to: &tally)
    } else if old == .int64, new == .int64 {
      addExact(a.assumingMemoryBound(to: Int64.self), b.assumingMemoryBound(to: Int64.self), scratch, count, &tally)
    } else if old == .uint64, new == .uint64 {
      addExact(a.assumingMemoryBound(to: UInt64.self), b.assumingMemoryBound(to: UInt64.self), scratch, count, &tally)
    } else if old.isWide || new.isWide {
      for index in 0..<count { addOne(scratch.old[index], scratch.new[index], to: &tally) }
    } else {
      addPlain(scratch, count: count, to: &tally)
    }
  }

  /// Real numbers whose squares are of usual size.
  private func addPlain(_ scratch: Numbers, count: Int, to tally: inout ValueTally) {
    let run = 512
    for start in stride(from: 0, to: count, by: run) {
      let length = min(run, count - start)
      if !addRun(scratch.old + start, scratch.new + start, length, to: &tally) {
        for index in start..<start + length { addOne(scratch.old[index], scratch.new[index], to: &tally) }
      }
    }
  }

  /// Adds a run of finite numbers without a branch in the loop; false, and nothing is added, if one is not finite.
  private func addRun(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, to tally: inout ValueTally
  ) -> Bool {
    typealias Lanes = SIMD4<Double>
    var difference = Lanes.zero
    var reference = Lanes.zero
    var maximum = Lanes.zero
    let whole = count - count % Lanes.scalarCount
    for index in stride(from: 0, to: whole, by: Lanes.scalarCount) {
      let x = UnsafeRawPointer(a + index).loadUnaligned(as: Lanes.self)
      let y = UnsafeRawPointer(b + index).loadUnaligned(as: Lanes.self)
      let delta = y - x
      let square = delta * delta
      difference += square
      reference += x * x
      maximum.replace(with: square, where: square .> maximum)
    }
    var differences = difference.sum()
    var references = reference.sum()
    var most = maximum.max()
    for index in whole..<count {
      let delta = b[index] - a[index]
      differences += delta * delta
      references += a[index] * a[index]
      most = max(most, delta * delta)
    }
    // What is infinite or NaN in either shows in the sums.
    guard differences.isFinite, references.isFinite else { return false }
    tally.difference.add(squares: differences)
    tally.reference.add(squares: references)
    tally.maximum = max(tally.maximum, most.squareRoot())
    return true
  }

  @inline(__always)
  private func addOne(_ a: Double, _ b: Double, to tally: inout ValueTally) {
    guard a.isFinite, b.isFinite else {
      if b.isNaN, !a.isNaN { tally.newNaN += 1 }
      if b.isInfinite, !a.isInfinite { tally.newInfinite += 1 }
      return
    }
    tally.maximum = max(tally.maximum, abs(b - a))
    tally.addDifference(a, b)
    tally.reference.add(a)
  }

  /// Integers whose difference a `Double` of each would lose.
  private func addExact<Number: FixedWidthInteger>(
    _ a: UnsafePointer<Number>, _ b: UnsafePointer<Number>, _ scratch: Numbers, _ count: Int,
    _ tally: inout ValueTally
  ) {
    var differences = 0.0
    var references = 0.0
    for index in 0..<count {
      let delta = Double(a[index] > b[index] ? distance(b[index], a[index]) : distance(a[index], b[index]))
      tally.maximum = max(tally.maximum, delta)
      differences += delta * delta
      references += scratch.old[index] * scratch.old[index]
    }
    tally.difference.add(squares: differences)
    tally.reference.add(squares: references)
  }

  @inline(__always)
  private func distance<Number: FixedWidthInteger>(_ low: Number, _ high: Number) -> UInt64 {
    UInt64(truncatingIfNeeded: high) &- UInt64(truncatingIfNeeded: low)
  }

  private func addComplex(_ scratch: Numbers, count: Int, to tally: inout ValueTally) {
    let isWide = old.isWide || new.isWide
    var (differences, references, most) = (0.0, 0.0, 0.0)
    for index in stride(from: 0, to: 2 * count, by: 2) {
      let a = (scratch.old[index], scratch.old[index + 1])
      let b = (scratch.new[index], scratch.new[index + 1])
      let delta = (b.0 - a.0, b.1 - a.1)
      if !isWide, delta.0.isFinite, delta.1.isFinite {
        let square = delta.0 * delta.0 + delta.1 * delta.1
        differences += square
        references += a.0 * a.0 + a.1 * a.1
        most = max(most, square)
      } else if a.0.isFinite, a.1.isFinite, b.0.isFinite, b.1.isFinite {
        tally.maximum = max(tally.maximum, hypot(delta.0, delta.1))
        tally.addDifference(a.0, b.0)
        tally.addDifference(a.1, b.1)
        tally.reference.add(a.0)
        tally.reference.add(a.1)
      } else {
        if b.0.isNaN || b.1.isNaN, !a.0.isNaN, !a.1.isNaN { tally.newNaN += 1 }
        if b.0.isInfinite || b.1.isInfinite, !a.0.isInfinite, !a.1.isInfinite { tally.newInfinite += 1 }
      }
    }
    tally.maximum = max(tally.maximum, most.squareRoot())
    tally.difference.add(squares: differences)
    tally.reference.add(squares: references)
  }

  /// How many elements of different types do not have the same value; NaN is the same as NaN.
  private func unequal(_ scratch: Numbers, count: Int) -> Int {
    let parts = old.componentCount
    var found = 0
    for index in 0..<count {
      let differs = (index * parts..<(index + 1) * parts).contains {
        scratch.old[$0] != scratch.new[$0] && !(scratch.old[$0].isNaN && scratch.new[$0].isNaN)
      }
      if differs { found += 1 }
    }
    return found
  }

  /// How many elements differ in a bit.
  private static func differences(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, count: Int, itemSize: Int) -> Int {
    switch itemSize {
    case 1: return differences(a, b, count, as: UInt8.self)
    case 2: return differences(a, b, count, as: UInt16.self)
    case 4: return differences(a, b, count, as: UInt32.self)
    case 8: return differences(a, b, count, as: UInt64.self)
    default:
      let (left, right) = (a.assumingMemoryBound(to: UInt64.self), b.assumingMemoryBound(to: UInt64.self))
      var found = 0
      for index in stride(from: 0, to: 2 * count, by: 2) {
        found += left[index] != right[index] || left[index + 1] != right[index + 1] ? 1 : 0
      }
      return found
    }
  }

  @inline(__always)
  private static func differences<Bits: FixedWidthInteger>(
    _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int, as type: Bits.Type
  ) -> Int {
    let (left, right) = (a.assumingMemoryBound(to: type), b.assumingMemoryBound(to: type))
    var found = 0
    for index in 0..<count { found &+= left[index] == right[index] ? 0 : 1 }
    return found
  }
}
