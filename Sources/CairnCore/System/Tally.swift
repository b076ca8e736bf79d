import Synchronization

/// A sum that several threads add to.
public final class Tally: Sendable {
  private let value: Atomic<Int>

  /// Begins at `start`.
  public init(_ start: Int = 0) { value = Atomic(start) }

  /// Adds, and gives the new sum.
  public func add(_ amount: Int) -> Int { value.add(amount, ordering: .relaxed).newValue }
}
