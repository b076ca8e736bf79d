/// Bytes of a known size that can be read at any place: a file, a part of one, memory, a stored checkpoint.
public protocol ByteSource: Sendable {
  /// What to call it in messages: a path, usually.
  var name: String { get }
  /// How many bytes there are.
  var size: Int { get }
  /// Fills the whole of `buffer` from the bytes that start at `offset`.
  ///
  /// Throws if they are not there (a file that was cut short) or cannot be read.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws
  /// How many bytes are best read at once: a small piece is still in the processor's cache when it is hashed, but each
  /// read of some sources costs much by itself.
  var preferredReadSize: Int { get }
  /// Whether the same bytes are likely to come again in a later save of this process, as the frozen layers of a model
  /// do; a file is saved once.
  var mayRecur: Bool { get }
  /// Whether some bytes, before they are read here, are in the page cache, where a copy of the file would be too.
  func isCached(at offset: Int, count: Int) -> Bool
  /// Calls `body` with `count` bytes where they lie, if they lie in memory; nil if they do not. They may be changed
  /// meanwhile.
  func withBytesInPlace<Result>(at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result?
}

extension ByteSource {
  public var preferredReadSize: Int { 128 * 1024 }

  public var mayRecur: Bool { false }

  public func isCached(at offset: Int, count: Int) -> Bool { false }

  public func withBytesInPlace<Result>(
    at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? { nil }

  /// The `count` bytes that start at `offset`, as an array.
  public func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try read(
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]), at: offset)
      filled = count
    }
  }
}

/// An array of bytes as a source.
public struct BytesSource: ByteSource {
  public let name: String
  /// The bytes.
  public let contents: [UInt8]

  public var size: Int { contents.count }

  /// Makes a source of `contents`, called `name` in messages.
  public init(_ contents: [UInt8], name: String) {
    self.contents = contents
    self.name = name
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard offset >= 0, buffer.count <= contents.count - offset else { throw OutOfBounds(name: name, offset: offset) }
    contents.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
    }
  }

  /// A read beyond the end of the bytes.
  public struct OutOfBounds: Error, CustomStringConvertible {
    let name: String
    let offset: Int
    public var description: String { "\(name): ends before the bytes wanted at \(offset)" }
  }
}
