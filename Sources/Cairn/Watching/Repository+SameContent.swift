import CairnCore
import CairnFormats
import Glibc

extension Repository {
  /// Whether the newest version of a path is the file at `file`, byte for byte; gives that version.
  ///
  /// The same size and modification time are taken for the same content, as backup programs do; else it is compared, up
  /// to the first difference. Throws ``CairnError``, and ``FileSourceError`` if the file cannot be read.
  func newestVersion(of path: String, ifItIs file: String) throws -> CheckpointRecord? {
    guard let record = try find(PathName(path: path)), record.path.isExactly(path), record.kind == "file",
      record.state == .whole
    else { return nil }
    let stored = try StoredCheckpoint(repository: self.path, id: configuration.id, manifest: record.manifest)
    guard case .files(let files) = stored.manifest.content, files.count == 1 else { return nil }
    let source = try FileSource(path: file)
    guard source.size == files[0].size else { return nil }
    let time = source.modificationTime
    if time.seconds == files[0].modified, time.nanoseconds == files[0].modifiedNanoseconds { return record }
    let saved = stored.source(file: files[0], verify: false)
    let size = 1 << 20
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * size, alignment: 16)
    defer { memory.deallocate() }
    guard let start = memory.baseAddress else { return nil }
    for position in stride(from: 0, to: source.size, by: size) {
      let count = min(size, source.size - position)
      try source.read(into: UnsafeMutableRawBufferPointer(start: start, count: count), at: position)
      try saved.read(into: UnsafeMutableRawBufferPointer(start: start + size, count: count), at: position)
      guard memcmp(start, start + size, count) == 0 else { return nil }
    }
    return record
  }
}
