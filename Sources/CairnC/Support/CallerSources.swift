import Cairn

/// Memory of the caller's.
struct CallerMemory: ByteSource, @unchecked Sendable {
  // Unchecked: the caller keeps the memory until the save ends. Whoever changes it meanwhile has some moment's bytes
  // saved, under the digest that they have.
  let base: UnsafeRawPointer?
  let size: Int
  let key: Int

  var name: String { "storage \(key)" }
  var mayRecur: Bool { true }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard let base, !buffer.isEmpty else { return }
    buffer.copyMemory(from: UnsafeRawBufferPointer(start: base + offset, count: buffer.count))
  }

  func withBytesInPlace<Result>(
    at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    base.map { body(UnsafeRawBufferPointer(start: $0 + offset, count: count)) }
  }
}

/// A function of the caller's that gives bytes: 0, or not, which ends the save.
public typealias ReadFunction =
  @convention(c) (
    _ context: UnsafeMutableRawPointer?, _ buffer: UnsafeMutableRawPointer?, _ offset: UInt64, _ length: UInt64
  ) -> Int32

/// Bytes that a function of the caller's gives.
struct CallerStream: ByteSource, @unchecked Sendable {
  // Unchecked: the header says that the function is called from several threads, with this context.
  let function: ReadFunction
  let context: UnsafeMutableRawPointer?
  let size: Int
  let name: String

  /// A call may take Python's lock, or copy from a device: the whole of a chunk at once.
  var preferredReadSize: Int { 64 << 20 }
  var mayRecur: Bool { true }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard !buffer.isEmpty else { return }
    let code = function(context, buffer.baseAddress, UInt64(offset), UInt64(buffer.count))
    guard code == 0 else {
      throw CairnError(.io, "\(name): its reader gave up (\(code))", advice: "nothing was saved")
    }
  }
}
