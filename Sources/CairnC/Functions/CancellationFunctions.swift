import Cairn

@c(cairn_cancellation_new)
public func cancellationNew(_ result: UnsafeMutablePointer<OpaquePointer?>?, _ error: StringResult?) -> Int32 {
  attempt(error) { try Handle.give(CancellationHandle(), result, "the cancellation") }
}

@c(cairn_cancellation_cancel)
public func cancellationCancel(_ handle: OpaquePointer?) {
  guard let handle else { return }
  // As in cairn_save_cancel: no lock, no memory.
  Unmanaged<CancellationHandle>.fromOpaque(UnsafeRawPointer(handle))._withUnsafeGuaranteedRef {
    $0.isCancelled.store(true, ordering: .relaxed)
  }
}

@c(cairn_cancellation_free)
public func cancellationFree(_ handle: OpaquePointer?) { Handle.close(handle, CancellationHandle.self) }
