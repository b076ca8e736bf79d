import Glibc
import Synchronization

/// An object that each process has one of: a child that was forked begins with a fresh one.
///
/// What the parent had may be locked by a thread that the child does not have, for ever, or be a connection that only
/// the parent may close: it is left as it is, and is not looked at.
final class PerProcess<Value: AnyObject & Sendable>: Sendable {
  private final class Holder: Sendable {
    let process = getpid()
    let value: Value
    init(_ value: Value) { self.value = value }
  }

  private let make: @Sendable () -> Value
  /// A retained ``Holder``. Replaced without a lock, which a thread could have at the fork as well. Unsafe by the
  /// compiler's word, since a pointer may be to anything.
  nonisolated(unsafe) private let current: Atomic<UnsafeMutableRawPointer>

  init(_ make: @escaping @Sendable () -> Value) {
    self.make = make
    current = Atomic(Unmanaged.passRetained(Holder(make())).toOpaque())
  }

  deinit {
    let holder = Unmanaged<Holder>.fromOpaque(current.load(ordering: .acquiring))
    if holder.takeUnretainedValue().process == getpid() { holder.release() }
  }

  /// This process's.
  var value: Value {
    var found = current.load(ordering: .acquiring)
    while true {
      let holder = Unmanaged<Holder>.fromOpaque(found).takeUnretainedValue()
      if holder.process == getpid() { return holder.value }
      let own = Unmanaged.passRetained(Holder(make()))
      let (exchanged, original) = current.compareExchange(
        expected: found, desired: own.toOpaque(), ordering: .acquiringAndReleasing)
      if !exchanged { own.release() }
      found = exchanged ? own.toOpaque() : original
    }
  }
}
