import Glibc

/// Where a blob's bytes are.
struct BlobLocation: Sendable, Hashable {
  var path: String
  var encoding: BlobStore.Encoding
}

/// Reads blobs, in whatever form they are kept.
///
/// It needs the manifest and the files under `blobs/`, no log and no index.
final class BlobReader: Sendable {
  let packs: Packs
  private let blobs: BlobStore

  init(blobs: BlobStore) {
    self.blobs = blobs
    packs = Packs(blobs: blobs)
  }

  /// Fills `buffer`, which is as long as the chunk, with its bytes. `verify` checks their digest.
  ///
  /// Where one place has them damaged, the others are tried before it is said so.
  func read(
    _ chunk: Manifest.Chunk, packHint: Digest?, into buffer: UnsafeMutableRawBufferPointer, verify: Bool
  ) throws {
    var damage: CairnError?
    for attempt in attempts(chunk, packHint: packHint) {
      do {
        if let path = try attempt(buffer) {
          if !verify || Digest(hashing: UnsafeRawBufferPointer(buffer)) == chunk.digest { return }
          throw CairnError.damaged(
            path, "its content has another digest (that of \(chunk.digest) was written)",
            advice: "`cairn verify --read-data` sets it aside; saving the same bytes again, or a backup, heals it")
        }
      } catch let error as CairnError where error.kind == .damaged {
        damage = damage ?? error
      }
    }
    var error = damage ?? missing(chunk)
    error.blob = chunk.digest
    throw error
  }

  /// The places where a chunk may be, the likeliest first; each gives the file it was read from, nil if it is not there.
  private func attempts(
    _ chunk: Manifest.Chunk, packHint: Digest?
  ) -> [(UnsafeMutableRawBufferPointer) throws -> String?] {
    let hinted = { [self] (buffer: UnsafeMutableRawBufferPointer) throws -> String? in
      guard let packHint, try packs.read(chunk.digest, from: packHint, into: buffer) else { return nil }
      return blobs.path(packHint, .pack)
    }
    let found = { [self] (buffer: UnsafeMutableRawBufferPointer) throws -> String? in
      guard let pack = try packs.find(chunk.digest), pack != packHint,
        try packs.read(chunk.digest, from: pack, into: buffer)
      else { return nil }
      return blobs.path(pack, .pack)
    }
    let raw = { [self] in try readRaw(chunk, into: $0) }
    let compressed = { [self] in try readCompressed(chunk, into: $0) }
    return [hinted, raw, compressed, found]
  }

  /// Reads a blob from its own file as it is; nil if there is none. Its digest is not checked.
  func readRaw(_ chunk: Manifest.Chunk, into buffer: UnsafeMutableRawBufferPointer) throws -> String? {
    guard let file = try blobs.open(chunk.digest, .raw) else { return nil }
    guard try file.status().size == chunk.length, try file.read(into: buffer, at: 0) == chunk.length else {
      throw CairnError.damaged(file.path, "it is not as long as it was")
    }
    return file.path
  }

  /// Reads a blob from its own compressed file; nil if there is none. Its digest is not checked.
  func readCompressed(_ chunk: Manifest.Chunk, into buffer: UnsafeMutableRawBufferPointer) throws -> String? {
    guard let file = try blobs.open(chunk.digest, .zstd) else { return nil }
    let content = try Zstd.decompress(try file.contents(), path: file.path, limit: chunk.length)
    guard content.count == chunk.length else { throw CairnError.damaged(file.path, "its content has another length") }
    content.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return file.path
  }

  /// Where a chunk's bytes are now; throws if they are not there. Contents are not looked at.
  func locate(_ chunk: Manifest.Chunk, packHint: Digest?) throws -> BlobLocation {
    if let packHint, packs.holds(packHint, chunk.digest, length: chunk.length) {
      return BlobLocation(path: blobs.path(packHint, .pack), encoding: .pack)
    }
    if let own = try blobs.ownFile(chunk.digest, length: chunk.length) {
      return BlobLocation(path: blobs.path(chunk.digest, own.encoding), encoding: own.encoding)
    }
    if let pack = try packs.find(chunk.digest) {
      return BlobLocation(path: blobs.path(pack, .pack), encoding: .pack)
    }
    throw missing(chunk)
  }

  private func missing(_ chunk: Manifest.Chunk) -> CairnError {
    CairnError(
      .missing, "\(blobs.path(chunk.digest, .raw)): this blob is not there",
      advice: "restore the file from a backup, or save the same bytes again; `cairn verify` lists what is hurt")
  }
}
