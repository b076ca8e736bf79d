/// A run of bytes in memory that tensors are views on, as PyTorch's `UntypedStorage`.
///
/// Tensors that share a storage share its bytes: who writes through one sees it through the other, and saving keeps it
/// so. The bytes are either the storage's own, or lent by something that it keeps alive (a file mapped copy-on-write).
///
/// Several threads may read at once; whoever writes has to see to it that nobody else reads or writes meanwhile, as
/// with PyTorch's.
public final class TensorStorage: @unchecked Sendable {
  // @unchecked: the pointer never changes after init; the bytes behind it are, as documented, the caller's to guard.
  private let base: UnsafeMutableRawBufferPointer
  private let release: @Sendable () -> Void

  /// The device that the bytes belong to by PyTorch's name, `cpu` or `cuda:0`. Wherever that is, they are in memory.
  public let location: String

  /// How many bytes there are.
  public var byteCount: Int { base.count }

  /// Makes a storage of `byteCount` zero bytes.
  public init(byteCount: Int, location: String = "cpu") {
    precondition(byteCount >= 0, "a storage cannot have \(byteCount) bytes")
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    base = memory
    release = { [memory = UnsafeTransfer(memory)] in memory.value.deallocate() }
    self.location = location
  }

  /// Makes a storage that holds a copy of `bytes`.
  public init(_ bytes: [UInt8], location: String = "cpu") {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    memory.copyBytes(from: bytes)
    base = memory
    release = { [memory = UnsafeTransfer(memory)] in memory.value.deallocate() }
    self.location = location
  }

  /// Makes a storage of memory that somebody else made.
  ///
  /// - Parameters:
  ///   - memory: Readable and writable until `release` is called.
  ///   - release: Called once, when the storage is freed; it keeps alive whatever owns the memory.
  public init(
    wrapping memory: UnsafeMutableRawBufferPointer, location: String = "cpu", release: @escaping @Sendable () -> Void
  ) {
    base = memory
    self.release = release
    self.location = location
  }

  deinit { release() }

  /// Calls `body` with the bytes, which are valid until it returns.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(base))
  }

  /// Calls `body` with the bytes, which are valid until it returns and may be changed.
  public func withUnsafeMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(base)
  }

  /// A copy of the bytes.
  public var bytes: [UInt8] { Array(UnsafeRawBufferPointer(base)) }
}

/// Carries a pointer into a `@Sendable` closure.
private struct UnsafeTransfer: @unchecked Sendable {
  // @unchecked: only ever used by the deinit of the one storage that owns the memory.
  let value: UnsafeMutableRawBufferPointer
  init(_ value: UnsafeMutableRawBufferPointer) { self.value = value }
}
