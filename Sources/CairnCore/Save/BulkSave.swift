import GRDB

/// A save whose blobs somebody else has put in place, or nobody: for making repositories to measure, whose index and log
/// are real and whose tensors are not.
package struct BulkSave: Sendable {
  package var request: SaveRequest
  package var manifest: Manifest
  /// Bytes that count as new.
  package var newBytes: Int
  /// Whether the manifest is written, so that the checkpoint can be opened; otherwise it has a made-up digest.
  package var keepsManifest: Bool

  package init(_ request: SaveRequest, _ manifest: Manifest, newBytes: Int, keepsManifest: Bool) {
    self.request = request
    self.manifest = manifest
    self.newBytes = newBytes
    self.keepsManifest = keepsManifest
  }
}

/// What a bulk save comes to, with the lock held.
struct BulkEntry {
  var request: SaveRequest
  /// The id of its run.
  var run: String?
  var known: IndexWriter.KnownManifest
  var newBytes: Int
}

extension Repository {
  /// Commits many saves in one transaction, without looking whether their blobs are there.
  package func commitInBulk(_ saves: [BulkSave]) throws {
    let known = try saves.map { try manifest(of: $0) }
    _ = try locked { locked in
      let naming = CheckpointNaming(repository: self)
      var warnings: [String] = []
      var entries: [BulkEntry] = []
      for (save, known) in zip(saves, known) {
        let run = try save.request.run.map {
          try naming.run($0, metadata: save.request.runMetadata, &locked, &warnings)
        }
        entries.append(BulkEntry(request: save.request, run: run, known: known, newBytes: save.newBytes))
      }
      try locked.commitInBulk(entries)
    }
  }

  private func manifest(of save: BulkSave) throws -> IndexWriter.KnownManifest {
    guard save.keepsManifest else {
      let digest = Digest(hashing: Array(randomID().utf8))
      return .init(digest: digest, manifest: save.manifest, size: 64 * 1024, storedSize: 48 * 1024, crc32: 0)
    }
    let bytes = try save.manifest.encoded()
    let digest = Digest(hashing: bytes)
    let compressed = try Zstd.compress(bytes)
    let directory = try WriterDirectory(repository: path, modes: modes)
    let file = try compressed.withUnsafeBytes { try directory.write(digest.hex + ".zst", $0) }
    _ = try Files.renameIfThere(file, to: blobs.path(digest, .zstd))
    try directory.remove()
    return .init(
      digest: digest, manifest: save.manifest, size: bytes.count, storedSize: compressed.count,
      crc32: bytes.withUnsafeBytes { Checksum.crc32($0) })
  }
}

extension Digest {
  /// A digest of nothing in particular.
  package init(madeUp words: (UInt64, UInt64, UInt64, UInt64)) { self.init(words: words) }
}

extension Manifest {
  /// A state of storages of one chunk each.
  package init(
    tensors: [TensorEntry], chunks: [Chunk], skeleton: [UInt8], metadata: [String: JSONValue]
  ) {
    self.init(
      content: .state(skeleton: .inline(skeleton)), tensors: tensors, metadata: metadata,
      storages: chunks.enumerated().map { Storage(chunks: [$0.offset], size: $0.element.length) }, chunks: chunks,
      packs: [])
  }
}
