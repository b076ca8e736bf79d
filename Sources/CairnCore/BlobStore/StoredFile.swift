/// An open file of the store as a source; it never changes.
struct StoredFile: ByteSource {
  private let file: OpenFile
  let size: Int

  var name: String { file.path }

  init(_ file: OpenFile) throws {
    self.file = file
    size = try file.status().size
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard try file.read(into: buffer, at: offset) == buffer.count else {
      throw CairnError.damaged(file.path, "it is shorter than it was")
    }
  }
}
