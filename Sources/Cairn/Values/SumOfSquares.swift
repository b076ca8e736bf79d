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

  /// Takes each number so many times.
  mutating func multiply(by count: Double) {
    small *= count
    usual *= count
    large *= count
  }

  /// The root of the sum.
  var root: Double {
    if large > 0 {
      let scaled = large + (usual * Self.largeScale) * Self.largeScale
      return scaled.squareRoot() / Self.largeScale
    }
    guard small > 0 else { return usual.squareRoot() }
    let low = small.squareRoot() / Self.smallScale
    let high = usual.squareRoot()
    let (least, most) = (min(low, high), max(low, high))
    return most * (1 + (least / most) * (least / most)).squareRoot()
  }
}
