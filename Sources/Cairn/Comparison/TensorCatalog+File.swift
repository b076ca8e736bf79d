import CairnCore
import CairnFormats
import Glibc
import Synchronization

extension TensorCatalog {
  /// The tensors of a file that is not saved: a PyTorch container or a safetensors file. Its storages are read, on
  /// several threads, for their digests.
  ///
  /// - Parameters:
  ///   - path: A regular file.
  ///   - chunkSize: How many bytes a digest is of; that of the repository whose checkpoints it is compared with.
  ///   - progress: Told how many bytes of how many have been read, from any thread.
  ///   - isCancelled: Asked often, from any thread: `true` ends it with ``CairnError/Kind/cancelled``.
  ///
  /// Throws ``CairnError``: ``CairnError/Kind/damaged`` for a broken file, ``CairnError/Kind/invalid`` for one that is
  /// neither, ``CairnError/Kind/changed`` for one that is being written to.
  public init(
    file path: String, chunkSize: Int = 8 << 20,
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil,
    isCancelled: (@Sendable () -> Bool)? = nil
  ) throws {
    do {
      try self.init(reading: path, chunkSize: max(chunkSize, 1)) { done, total in
        progress?(done, total)
        if isCancelled?() == true { throw CairnError(.cancelled, "\(path): reading it was stopped") }
      }
    } catch let error as FileSourceError {
      throw Self.failure(error)
    } catch var error as CairnError where error.kind == .damaged {
      error.advice = "is it complete?"
      throw error
    }
  }

  private static func failure(_ error: FileSourceError) -> CairnError {
    switch error {
    case .cannotOpen(_, ENOENT), .cannotOpen(_, ENOTDIR): CairnError(.notFound, error.description)
    case .notARegularFile: CairnError(.invalid, error.description)
    case .cannotOpen, .cannotRead: CairnError(.io, error.description)
    case .cutShort, .changedWhileRead: CairnError(.changed, error.description)
    }
  }

  private init(
    reading path: String, chunkSize: Int, progress: @escaping @Sendable (Int, Int) throws -> Void
  ) throws {
    let file = try CheckpointFile(path: path, opaque: false)
    guard file.layout.format != .opaque else {
      throw CairnError(
        .invalid, "\(path): neither a PyTorch zip container nor a safetensors file: no tensors are known of it",
        advice: "`cmp` compares bytes")
    }
    var request = SaveRequest(path: path)
    request.complete(metadata: file.layout.metadata, metrics: file.metrics)
    var all: [String: JSONValue] = [:]
    if let step = request.step { all["step"] = .int(Int64(step)) }
    if let epoch = request.epoch { all["epoch"] = .int(Int64(epoch)) }
    Flattening.add(.object(request.metrics.mapValues { JSONValue($0) }), at: "metrics", to: &all)
    Flattening.add(.object(file.layout.metadata), at: "extracted", to: &all)
    let extents = file.layout.storages
    let chunks = try Self.digests(file.source, extents, chunkSize: chunkSize, progress)
    let isSwapped = file.byteOrder == .big
    self.init(
      name: path, record: nil, tensors: file.layout.tensors, properties: all,
      bytes: .file(file.source, extents: extents, chunks: chunks),
      swapped: isSwapped ? Set(extents.indices) : [])
    try checkUnchanged()
  }

  private static func digests(
    _ source: FileSource, _ extents: [FileLayout.Extent], chunkSize: Int,
    _ progress: @escaping @Sendable (Int, Int) throws -> Void
  ) throws -> [[Chunk]] {
    var pieces: [(storage: Int, offset: Int, length: Int)] = []
    for (index, extent) in extents.enumerated() {
      for start in stride(from: 0, to: extent.length, by: chunkSize) {
        pieces.append((index, extent.offset + start, min(chunkSize, extent.length - start)))
      }
    }
    let total = extents.reduce(0) { $0 + $1.length }
    let done = Tally()
    let digests = Mutex([Digest?](repeating: nil, count: pieces.count))
    try inParallel(pieces.count) { [pieces] index in
      let piece = pieces[index]
      let digest = try Digest(hashing: RangeSource(whole: source, offset: piece.offset, size: piece.length))
      digests.withLock { $0[index] = digest }
      try progress(done.add(piece.length), total)
    }
    var chunks = [[Chunk]](repeating: [], count: extents.count)
    for (piece, digest) in zip(pieces, digests.withLock({ $0 })) {
      if let digest { chunks[piece.storage].append(Chunk(digest: digest, length: piece.length)) }
    }
    return chunks
  }
}
