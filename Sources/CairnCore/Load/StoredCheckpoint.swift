import Glibc

/// A checkpoint that is being loaded: its manifest, and its bytes on demand.
///
/// It reads the manifest and the files under `blobs/` only. If the checkpoint is removed meanwhile, what was mapped
/// keeps its bytes, and what has yet to be read is missing.
public final class StoredCheckpoint: Sendable {
  /// `path@version`, or what else it was opened as.
  public let name: String
  /// The digest of the manifest.
  public let digest: Digest
  /// The manifest.
  public let manifest: Manifest
  private let blobs: BlobStore
  private let reader: BlobReader
  /// Network filesystems: a mapped file that another host removes is gone under the mapping.
  private let mayMap: Bool

  convenience init(name: String, digest: Digest, repository: Repository) throws {
    try self.init(
      name: name, digest: digest, blobs: repository.blobs, mayMap: repository.configuration.journal == .wal)
  }

  private init(name: String, digest: Digest, blobs: BlobStore, mayMap: Bool) throws {
    self.name = name
    self.digest = digest
    self.blobs = blobs
    manifest = try ManifestFile(blobs: blobs).read(digest).manifest
    reader = BlobReader(blobs: blobs)
    self.mayMap = mayMap
  }

  /// Opens a checkpoint by what a pointer says of it: the repository's directory and id, and the manifest's digest.
  ///
  /// It looks at `cairn.json` and the files under `blobs/` only, regular files all: no log, no index. Nothing is made,
  /// written or migrated. Whether the repository is to be trusted is for the caller to say.
  ///
  /// Throws ``CairnError``: not a repository, or another one than that with the id; the manifest or a blob missing.
  public convenience init(repository path: String, id: String, manifest digest: Digest) throws {
    let directory = PathName.absolute(path)
    let configuration = try RepositoryConfiguration.read(directory)
    guard configuration.id == id else {
      throw CairnError(
        .notARepository, "\(directory): this is the repository \(configuration.id), not \(id.prefix(64))",
        advice: "name the right one with CAIRN_REPO")
    }
    let blobs = BlobStore(repository: directory, readsDirectories: configuration.journal == .delete)
    try self.init(
      name: "checkpoint \(digest.hex.prefix(16)) in \(directory)", digest: digest, blobs: blobs,
      mayMap: configuration.journal == .wal)
  }

  /// How a storage comes into memory.
  public enum Mode: Sendable {
    /// Copied, and its digests checked if `verify` says so.
    case copied(verify: Bool)
    /// Mapped copy-on-write from the blob files where that is possible, copied without a check elsewhere.
    case mapped
  }

  /// Storages smaller than this are read even if they could be mapped: a mapping costs more, and there are only so many.
  private static let smallestMapped = 64 * 1024

  /// Loads storages, on several threads; in the order of `indexes`.
  public func storages(
    _ indexes: [Int], _ mode: Mode, progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
  ) throws -> [MemoryRegion] {
    var regions = [MemoryRegion?](repeating: nil, count: indexes.count)
    var verify = false
    switch mode {
    case .copied(let wanted):
      verify = wanted
    case .mapped:
      // The largest first, as long as there are mappings.
      for position in indexes.indices.sorted(by: { size(indexes[$0]) > size(indexes[$1]) }) {
        regions[position] = try mapped(indexes[position])
      }
    }
    var pieces: [(storage: Int, chunk: Int, region: MemoryRegion, offset: Int)] = []
    let copied = indexes.indices.filter { regions[$0] == nil }
    for (position, region) in zip(copied, try MemoryRegion.allocate(copied.map { size(indexes[$0]) })) {
      let index = indexes[position]
      regions[position] = region
      var offset = 0
      for chunk in manifest.storages[index].chunks {
        pieces.append((index, chunk, region, offset))
        offset += manifest.chunks[chunk].length
      }
    }
    let total = pieces.reduce(0) { $0 + manifest.chunks[$1.chunk].length }
    let done = Tally()
    try forEachIndex(pieces.count, threads: workerCount) { [pieces, verify] index in
      let piece = pieces[index]
      let length = self.manifest.chunks[piece.chunk].length
      let target = UnsafeMutableRawBufferPointer(rebasing: piece.region.bytes[piece.offset..<piece.offset + length])
      try self.read(piece.chunk, of: piece.storage, into: target, verify: verify)
      progress?(done.add(length), total)
    }
    return regions.compactMap { $0 }
  }

  private func size(_ storage: Int) -> Int { manifest.storages[storage].size }

  private func mapped(_ index: Int) throws -> MemoryRegion? {
    let storage = manifest.storages[index]
    guard mayMap, storage.size >= Self.smallestMapped else { return nil }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard storage.chunks.dropLast().allSatisfy({ manifest.chunks[$0].length % page == 0 }) else { return nil }
    let chunks = storage.chunks.map { manifest.chunks[$0] }
    guard chunks.allSatisfy({ $0.pack == nil }) else { return nil }
    var opened: Digest?
    do {
      return try MemoryRegion.map(lengths: chunks.map(\.length)) { position in
        opened = chunks[position].digest
        return try blobs.openWithSize(chunks[position].digest, .raw)
      }
    } catch var error as CairnError {
      if error.kind == .damaged { error.blob = opened }
      throw naming(error, storage: index)
    }
  }

  /// Fills `buffer`, which is as long as the chunk, with the bytes of one chunk of a storage; both are positions in the
  /// manifest. `verify` checks its digest.
  public func read(
    _ chunk: Int, of storage: Int, into buffer: UnsafeMutableRawBufferPointer, verify: Bool
  ) throws {
    try reading(chunk, of: storage) { try reader.read($0, packHint: $1, into: buffer, verify: verify) }
  }

  /// Hands on the bytes of one chunk of a storage in pieces, each in `buffer` with its offset in the chunk, and checks
  /// their digest at the end: what was handed on before an error is not to be used. Where a piece turns out damaged and
  /// there is another copy, it begins again, with offset 0.
  ///
  /// `buffer` begins at a page, and is some pages long.
  public func read(
    _ chunk: Int, of storage: Int, through buffer: UnsafeMutableRawBufferPointer,
    _ body: (_ piece: UnsafeRawBufferPointer, _ offset: Int) throws -> Void
  ) throws {
    try reading(chunk, of: storage) { try reader.read($0, packHint: $1, through: buffer, body) }
  }

  private func reading(
    _ chunk: Int, of storage: Int, _ read: (_ chunk: Manifest.Chunk, _ packHint: Digest?) throws -> Void
  ) throws {
    let piece = manifest.chunks[chunk]
    do {
      try read(piece, piece.pack.map { manifest.packs[$0] })
    } catch let error as CairnError {
      throw naming(error, storage: storage)
    }
  }

  /// The error with the checkpoint and the tensors that it hurts.
  private func naming(_ error: CairnError, storage: Int) -> CairnError {
    guard error.kind == .missing || error.kind == .damaged else { return error }
    var error = error
    let tensors = manifest.tensors.filter { $0.storage == storage }.map(\.name)
    let listed = tensors.prefix(5).joined(separator: ", ") + (tensors.count > 5 ? " and \(tensors.count - 5) more" : "")
    error.message += "; \(name) needs it" + (tensors.isEmpty ? "" : " for \(listed)")
    return error
  }

  /// The bytes of a storage, read when they are asked for; `verify` checks the digest of every blob that is touched.
  public func source(storage: Int, verify: Bool) -> any ByteSource {
    StorageSource(checkpoint: self, storage: storage, verify: verify)
  }

  /// The bytes of a file of the checkpoint, literals and storages put together.
  public func source(file: Manifest.File, verify: Bool) -> any ByteSource {
    FileBytes(checkpoint: self, file: file, verify: verify)
  }

  /// Inline bytes, or those of the storage that holds them.
  public func bytes(_ bytes: Manifest.Bytes, verify: Bool = true) throws -> [UInt8] {
    switch bytes {
    case .inline(let content): return content
    case .storage(let index): return try source(storage: index, verify: verify).bytes(at: 0, count: size(index))
    }
  }

  /// Reads part of a storage.
  fileprivate func read(
    storage: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer, verify: Bool, cache: ChunkCache
  ) throws {
    var start = 0
    let wanted = offset..<offset + buffer.count
    for index in manifest.storages[storage].chunks {
      let length = manifest.chunks[index].length
      let part = (start..<start + length).clamped(to: wanted)
      if !part.isEmpty {
        let target = UnsafeMutableRawBufferPointer(
          rebasing: buffer[part.lowerBound - offset..<part.upperBound - offset])
        if part.count == length {
          try read(index, of: storage, into: target, verify: verify)
        } else {
          let content = try cache.content(index) {
            try [UInt8](unsafeUninitializedCapacity: length) { room, filled in
              try self.read(
                index, of: storage,
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[..<length]),
                verify: verify)
              filled = length
            }
          }
          content.withUnsafeBytes {
            target.copyMemory(
              from: UnsafeRawBufferPointer(rebasing: $0[part.lowerBound - start..<part.upperBound - start]))
          }
        }
      }
      start += length
      if start >= wanted.upperBound { return }
    }
    if !buffer.isEmpty {
      throw CairnError(.invalid, "\(name): a read beyond the end of a storage")
    }
  }

  private struct StorageSource: ByteSource {
    let checkpoint: StoredCheckpoint
    let storage: Int
    let verify: Bool
    let cache = ChunkCache()

    var name: String { checkpoint.name }
    var size: Int { checkpoint.size(storage) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
      try checkpoint.read(storage: storage, at: offset, into: buffer, verify: verify, cache: cache)
    }
  }

  private struct FileBytes: ByteSource {
    let checkpoint: StoredCheckpoint
    let file: Manifest.File
    let verify: Bool
    /// Where each segment starts.
    let starts: [Int]
    let cache = ChunkCache()

    init(checkpoint: StoredCheckpoint, file: Manifest.File, verify: Bool) {
      self.checkpoint = checkpoint
      self.file = file
      self.verify = verify
      var start = 0
      starts = file.segments.map { segment in
        defer { start += Self.length(segment, checkpoint) }
        return start
      }
    }

    private static func length(_ segment: Manifest.Bytes, _ checkpoint: StoredCheckpoint) -> Int {
      switch segment {
      case .inline(let bytes): return bytes.count
      case .storage(let index): return checkpoint.size(index)
      }
    }

    var name: String { file.path.isEmpty ? checkpoint.name : "\(checkpoint.name)/\(file.path)" }
    var size: Int { file.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
      guard offset >= 0, offset + buffer.count <= size else {
        throw CairnError(.invalid, "\(name): a read beyond its end")
      }
      let wanted = offset..<offset + buffer.count
      // The last segment that starts at or before the offset.
      var low = 0
      var high = starts.count
      while low < high {
        let middle = (low + high) / 2
        if starts[middle] <= offset { low = middle + 1 } else { high = middle }
      }
      for index in max(low - 1, 0)..<max(starts.count, 1) where index < starts.count {
        if starts[index] >= wanted.upperBound { break }
        let segment = file.segments[index]
        let part = (starts[index]..<starts[index] + Self.length(segment, checkpoint)).clamped(to: wanted)
        if part.isEmpty { continue }
        let target = UnsafeMutableRawBufferPointer(
          rebasing: buffer[part.lowerBound - offset..<part.upperBound - offset])
        switch segment {
        case .inline(let bytes):
          bytes.withUnsafeBytes {
            target.copyMemory(
              from: UnsafeRawBufferPointer(
                rebasing: $0[part.lowerBound - starts[index]..<part.upperBound - starts[index]]))
          }
        case .storage(let storage):
          try checkpoint.read(
            storage: storage, at: part.lowerBound - starts[index], into: target, verify: verify, cache: cache)
        }
      }
    }
  }
}
