import Cairn
import Synchronization

/// Whether what was begun with it is to be stopped.
final class CancellationHandle: Sendable {
  /// Set from signal handlers too.
  let isCancelled = Atomic(false)

  /// What asks a handle of the caller's; NULL is never cancelled.
  static func check(_ handle: OpaquePointer?) throws -> (@Sendable () -> Bool)? {
    guard let handle else { return nil }
    let cancellation = try Handle.object(handle, CancellationHandle.self)
    return { cancellation.isCancelled.load(ordering: .relaxed) }
  }
}
