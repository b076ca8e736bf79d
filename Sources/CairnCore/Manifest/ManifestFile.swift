/// Manifests as files: compressed blobs, named by the digest of what they decode to.
struct ManifestFile {
  /// The largest manifest that is read, in bytes: one of a checkpoint of a hundred terabytes.
  static let limit = 1 << 30

  let blobs: BlobStore

  /// Reads and checks a manifest.
  func read(_ digest: Digest) throws -> IndexWriter.KnownManifest {
    do {
      return try readFile(digest)
    } catch var error as CairnError {
      error.blob = digest
      throw error
    }
  }

  private func readFile(_ digest: Digest) throws -> IndexWriter.KnownManifest {
    let path = blobs.path(digest, .zstd)
    guard let file = try blobs.open(digest, .zstd) else {
      throw CairnError(.missing, "\(path): this manifest is not there", advice: "restore it from a backup")
    }
    guard try file.status().size <= Zstd.bound(Self.limit) else { throw CairnError.damaged(path, "it is too large") }
    let bytes = try file.contents()
    let content = try Zstd.decompress(bytes, path: path, limit: Self.limit)
    guard Digest(hashing: content) == digest else { throw CairnError.damaged(path, "its content has another digest") }
    return .init(
      digest: digest, manifest: try Manifest.decoded(content, path: path), size: content.count, storedSize: bytes.count,
      crc32: content.withUnsafeBytes { Checksum.crc32($0) })
  }
}
