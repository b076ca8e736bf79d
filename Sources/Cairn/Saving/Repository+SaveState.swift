import CairnCore
import CairnFormats

extension Repository {
  /// Saves a state from memory.
  ///
  /// Its tensors' bytes are read where they are; who goes on changing them meanwhile gets some moment's bytes, stored
  /// under the digest they have. `global_step` and `epoch` of the state, and the metric of a Lightning callback that
  /// belongs to the path, are taken where the request does not give them.
  ///
  /// Throws ``StateError`` for a state that PyTorch's format cannot hold, and ``CairnError``.
  public func save(_ checkpoint: Checkpoint, _ request: SaveRequest) throws -> SaveReport {
    // A name that is no absolute path is relative to the directory that holds the repository.
    let path = request.path.hasPrefix("/") ? request.path : base.map { $0 + "/" + request.path } ?? request.path
    let encoded = try StateEncoder.encode(checkpoint, savedAs: path)
    let content = CheckpointContent(
      content: .state(skeleton: .inline(encoded.skeleton)), tensors: encoded.tensors, metadata: encoded.metadata,
      sources: encoded.storages.map { StorageBytes(storage: $0, name: request.path) })
    var request = request
    request.complete(metadata: encoded.metadata, metrics: encoded.metrics)
    return try save(content, request)
  }
}

/// A storage in memory as a source.
struct StorageBytes: ByteSource {
  let storage: TensorStorage
  let name: String

  var size: Int { storage.byteCount }
  var mayRecur: Bool { true }

  func withBytesInPlace<Result>(
    at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    storage.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
    }
  }
}
