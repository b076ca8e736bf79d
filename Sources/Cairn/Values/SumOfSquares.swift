/// A sum of squares whose root is right even where the squares leave the range of a `Double`.
///
/// Three accumulators for small, usual and large numbers, as LAPACK 3.10's `dnrm2` (Blue 1978; Anderson 2017,
/// "Algorithm 978: Safe Scaling in the Level 1 BLAS").
struct SumOfSquares: Sendable, Hashable {
  private var small = 0.0
  private var usual = 0.0
  private var large = 0.0

  // Constants of la_constants.f90 for 64 bits.
  private static let smallLimit = 0x1p-511
  private static let smallScale = 0x1p537
  private static let largeLimit = 0x1p486
  private static let largeScale = 0x1p-538

  /// Adds the square of any number.
  mutating func add(_ number: Double) {
    let magnitude = abs(number)
    if magnitude > Self.largeLimit {
      large += (magnitude * Self.largeScale) * (magnitude * Self.largeScale)
    } else if magnitude < Self.smallLimit {
      small += (magnitude * Self.smallScale) * (magnitude * Self.smallScale)
    } else {
      usual += magnitude * magnitude
    }
  }

  /// Adds squares of numbers of which it is known that they are of usual size.
  mutating func add(squares: Double) { usual += squares }

  /// Adds another sum.
  mutating func add(_ other: SumOfSquares) {
    small += other.small
    usual += other.usual
    large += other.large
  }

  /// The root of the sum; infinite if that is too large for a `Double`.
  var root: Double { Self.scaled(parts.value, parts.exponent) }

  /// How many times the root of `other` the root is, also where they themselves are too large.
  func ratio(to other: SumOfSquares) -> Double {
    let (mine, theirs) = (parts, other.parts)
    if mine.value == 0 { return 0 }
    return theirs.value == 0 ? .infinity : Self.scaled(mine.value / theirs.value, mine.exponent - theirs.exponent)
  }

  /// The root of the mean of `count` squares.
  func rootMean(of count: Int) -> Double {
    Self.scaled(parts.value / Double(count).squareRoot(), parts.exponent)
  }

  /// The root as a number of usual size, and the power of two that it has to be multiplied by.
  private var parts: (value: Double, exponent: Int) {
    if large > 0 { return ((large + (usual * Self.largeScale) * Self.largeScale).squareRoot(), 538) }
    guard small > 0 else { return (usual.squareRoot(), 0) }
    guard usual > 0 else { return (small.squareRoot(), -537) }
    let low = small.squareRoot() / Self.smallScale
    let high = usual.squareRoot()
    let (least, most) = (min(low, high), max(low, high))
    return (most * (1 + (least / most) * (least / most)).squareRoot(), 0)
  }

  private static func scaled(_ value: Double, _ exponent: Int) -> Double {
    exponent == 0
      ? value
      : value * Double(sign: .plus, exponent: exponent / 2, significand: 1)
        * Double(sign: .plus, exponent: exponent - exponent / 2, significand: 1)
  }
}
