/// A part of another source: a storage in a file, a chunk of a storage.
package struct RangeSource: ByteSource {
  package let whole: any ByteSource
  package let offset: Int
  package let size: Int

  package init(whole: any ByteSource, offset: Int, size: Int) {
    self.whole = whole
    self.offset = offset
    self.size = size
  }

  package var name: String { whole.name }

  package func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws {
    try whole.read(into: buffer, at: offset + position)
  }

  package func isCached(at position: Int, count: Int) -> Bool { whole.isCached(at: offset + position, count: count) }
}
