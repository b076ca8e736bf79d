import CairnCore
import CairnFormats

extension StoredCheckpoint {
  /// The file that an export would give, without writing it: what was saved, if that was one file; of a state a PyTorch
  /// container whose archive has this name. Its bytes are read, and checked, when they are asked for.
  ///
  /// Throws ``CairnError`` for a directory.
  public func exportedFile(archiveName: String) throws -> any ByteSource {
    switch manifest.content {
    case .state(let skeleton):
      return source(file: try container(of: skeleton, archiveName: archiveName), verify: true)
    case .files(let files):
      guard files.count == 1, files[0].path.isEmpty else {
        throw CairnError(.invalid, "\(name): is a directory of files", advice: "restore it to read them")
      }
      return source(file: files[0], verify: true)
    }
  }

  /// A state as the PyTorch container that an export gives: which bytes it has where, without reading the storages.
  ///
  /// Its skeleton is the container's pickle, whoever wrote it; the checksums that the container wants are in the
  /// manifest. The file has no modification time of its own. `extra` are records that come last.
  public func container(
    of skeleton: Manifest.Bytes, archiveName: String, extra: [(name: String, content: [UInt8])] = []
  ) throws -> Manifest.File {
    var positions = Array(manifest.storages.indices)
    if case .storage(let position) = skeleton { positions.removeAll { $0 == position } }
    let recorder = SegmentRecorder()
    let storages = positions.enumerated().map { key, position in
      let size = manifest.storages[position].size
      return PyTorchContainerWriter.Storage(
        key: String(key), byteCount: size, crc32: manifest.crc32(ofStorage: position)
      ) { sink in try recorder.storage(position, size, sink) }
    }
    var writer = PyTorchContainerWriter(archiveName: archiveName)
    writer.extraRecords = extra
    try writer.write(pickle: bytes(skeleton), storages: storages) { recorder.add($0) }
    return recorder.file()
  }
}

/// Notes what a writer writes: literal bytes as they are, storages by name.
private final class SegmentRecorder {
  private var segments: [Manifest.Bytes] = []
  private var literal: [UInt8] = []
  private var isInStorage = false
  private var size = 0

  func add(_ bytes: UnsafeRawBufferPointer) {
    size += bytes.count
    if !isInStorage { literal.append(contentsOf: bytes) }
  }

  /// Lets the writer count a storage's bytes, whatever they are.
  func storage(_ position: Int, _ size: Int, _ sink: ZipWriter.Sink) throws {
    endLiteral()
    segments.append(.storage(position))
    isInStorage = true
    defer { isInStorage = false }
    try zeros.withUnsafeBytes { zeros in
      for start in stride(from: 0, to: size, by: zeros.count) {
        try sink(UnsafeRawBufferPointer(rebasing: zeros[..<min(zeros.count, size - start)]))
      }
    }
  }

  private func endLiteral() {
    if !literal.isEmpty { segments.append(.inline(literal)) }
    literal = []
  }

  func file() -> Manifest.File {
    endLiteral()
    return Manifest.File(
      path: "", size: size, modified: 0, modifiedNanoseconds: 0, format: FileLayout.Format.pytorch.rawValue,
      segments: segments)
  }
}

private let zeros = [UInt8](repeating: 0, count: 1 << 20)
