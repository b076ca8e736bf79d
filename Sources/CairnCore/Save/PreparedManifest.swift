import Synchronization

/// The manifest of a save and all files it needs, ready to be put in place.
struct PreparedManifest {
  let known: IndexWriter.KnownManifest
  var manifest: Manifest { known.manifest }
  var digest: Digest { known.digest }
  /// Files to rename into place.
  let files: [ChunkTable.WrittenFile]
  /// Blobs that are in place already, and were reused, with the size and the pack they were seen with.
  let reused: [Digest: BlobPlace]
  /// Bytes of the blobs that this save has written.
  let newBytes: Int

  init(
    _ saver: Saver,
    _ result: (
      digests: [Digest?], places: [Digest: ChunkTable.Place], lengths: [Digest: Int],
      checksums: [Digest: UInt32], files: [ChunkTable.WrittenFile]
    ), directory: WriterDirectory
  ) throws {
    var chunks: [Manifest.Chunk] = []
    var positions: [Digest: Int] = [:]
    var packs: [Digest] = []
    var packPositions: [Digest: Int] = [:]
    var reused: [Digest: BlobPlace] = [:]
    var newBytes = 0

    func position(_ digest: Digest) throws -> Int {
      if let position = positions[digest] { return position }
      guard let place = result.places[digest], let length = result.lengths[digest],
        let checksum = result.checksums[digest]
      else {
        throw CairnError(.io, "\(digest): a blob of this save was neither found nor written")
      }
      let pack: Digest?
      switch place {
      case .ownFile:
        pack = nil
        reused[digest] = BlobPlace(size: length, pack: nil, crc32: checksum)
      case .pack(let found):
        pack = found
        reused[digest] = BlobPlace(size: length, pack: found, crc32: checksum)
      case .written:
        pack = nil
        newBytes += length
      case .packed(let made):
        pack = made
        newBytes += length
      }
      let packPosition = pack.map { pack in
        if let known = packPositions[pack] { return known }
        packs.append(pack)
        packPositions[pack] = packs.count - 1
        return packs.count - 1
      }
      chunks.append(Manifest.Chunk(digest: digest, length: length, pack: packPosition, crc32: checksum))
      positions[digest] = chunks.count - 1
      return chunks.count - 1
    }

    let storages = try saver.content.sources.indices.map { index in
      let tasks = saver.chunking.starts[index]..<saver.chunking.starts[index + 1]
      let positions = try tasks.map { task in
        guard let digest = result.digests[task] else { throw CairnError(.io, "a chunk of this save was not read") }
        return try position(digest)
      }
      return Manifest.Storage(chunks: positions, size: saver.content.sources[index].size)
    }
    let manifest = Manifest(
      content: saver.content.content, tensors: saver.content.tensors, metadata: saver.content.metadata,
      storages: storages, chunks: chunks, packs: packs)
    let bytes = try manifest.encoded()
    let file = try Self.write(bytes, directory, path: saver.request.path)

    // Only what the manifest names: a blob that a second reading found changed is left for the directory's removal.
    let store = saver.repository.blobs
    let named = Set(packs.map { store.path($0, .pack) })
      .union(chunks.lazy.filter { $0.pack == nil }.map { store.path($0.digest, .raw) })
    known = .init(
      digest: file.digest, manifest: manifest, size: bytes.count, storedSize: file.storedSize,
      crc32: bytes.withUnsafeBytes { Checksum.crc32($0) }, hasNewBlobs: newBytes > 0)
    files =
      result.files.filter { named.contains($0.final) }
      + [.init(temporary: file.temporary, final: store.path(file.digest, .zstd))]
    self.reused = reused
    self.newBytes = newBytes
  }

  private struct File: Sendable {
    var digest: Digest
    var temporary: String
    var storedSize: Int
  }

  /// Writes a manifest's file, while another thread sees whether it can be read: what cannot must not be committed.
  private static func write(_ bytes: [UInt8], _ directory: WriterDirectory, path: String) throws -> File {
    let written = Mutex<File?>(nil)
    try forEachIndex(2, threads: 2) { part in
      if part == 1 {
        _ = try Manifest.decoded(bytes, path: path)
        return
      }
      let digest = Digest(hashing: bytes)
      let compressed = try Zstd.compress(bytes)
      let temporary = try compressed.withUnsafeBytes { try directory.write(digest.hex + ".zst", $0) }
      written.withLock { $0 = File(digest: digest, temporary: temporary, storedSize: compressed.count) }
    }
    guard let file = written.withLock({ $0 }) else { throw CairnError(.io, "\(path): its manifest was not written") }
    return file
  }

  /// The directories under `blobs/` that hold what the manifest names, and itself.
  func directories(_ store: BlobStore) -> [String] {
    var files: Set = [digest]
    for chunk in manifest.chunks { files.insert(chunk.pack.map { manifest.packs[$0] } ?? chunk.digest) }
    return Array(Set(files.map { store.directory($0) }))
  }
}
