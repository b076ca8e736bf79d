import CairnCore

/// A part of another source: a storage in a file.
struct RangeSource: ByteSource {
  let whole: any ByteSource
  let offset: Int
  let size: Int

  var name: String { whole.name }

  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws {
    try whole.read(into: buffer, at: offset + position)
  }
}
