import Glibc
import Synchronization

/// Where a blob's bytes are.
struct BlobLocation: Sendable {
  var path: String
  var encoding: BlobStore.Encoding
  var digest: Digest
}

/// Reads blobs, in whatever form they are kept.
///
/// It needs the manifest and the files under `blobs/`, no log and no index. Packs are read once, and kept.
final class BlobReader: Sendable {
  private let blobs: BlobStore
  private let packs = Mutex<[Digest: PackFile]>([:])
  /// Which pack holds a small blob that is not where its manifest says: known once all packs have been looked at.
  private let moved = Mutex<[Digest: Digest]?>(nil)

  init(blobs: BlobStore) { self.blobs = blobs }

  /// Fills `buffer`, which is as long as the chunk, with its bytes. `verify` checks their digest.
  func read(_ chunk: Manifest.Chunk, packHint: Digest?, into buffer: UnsafeMutableRawBufferPointer, verify: Bool) throws
  {
    if let packHint, try readPacked(chunk, pack: packHint, into: buffer, verify: verify) { return }
    if let file = try blobs.open(chunk.digest, .raw) {
      guard try file.status().size == chunk.length, try file.read(into: buffer, at: 0) == chunk.length else {
        throw CairnError.damaged(file.path, "it is not as long as it was")
      }
      try check(buffer, chunk, path: file.path, verify)
      return
    }
    if let file = try blobs.open(chunk.digest, .zstd) {
      let bytes = try Files.contents(file.path) ?? []
      let content = try Zstd.decompress(bytes, path: file.path, limit: chunk.length)
      guard content.count == chunk.length else { throw CairnError.damaged(file.path, "its content has another length") }
      content.withUnsafeBytes { buffer.copyMemory(from: $0) }
      try check(buffer, chunk, path: file.path, verify)
      return
    }
    if let pack = try findPack(of: chunk.digest), try readPacked(chunk, pack: pack, into: buffer, verify: verify) {
      return
    }
    throw CairnError(
      .missing, "\(blobs.path(chunk.digest, .raw)): this blob is not there",
      advice: "restore the file from a backup, or save the same bytes again; `cairn verify` lists what is hurt")
  }

  private func check(
    _ buffer: UnsafeMutableRawBufferPointer, _ chunk: Manifest.Chunk, path: String, _ verify: Bool
  ) throws {
    guard verify else { return }
    guard Digest(hashing: UnsafeRawBufferPointer(buffer)) == chunk.digest else {
      throw CairnError.damaged(
        path, "its content has another digest (that of \(chunk.digest) was written)",
        advice: "`cairn verify --read-data` sets it aside; saving the same bytes again, or a backup, heals it")
    }
  }

  private func readPacked(
    _ chunk: Manifest.Chunk, pack: Digest, into buffer: UnsafeMutableRawBufferPointer, verify: Bool
  ) throws -> Bool {
    guard let file = try self.pack(pack), let entry = file.entry(chunk.digest), entry.length == chunk.length else {
      return false
    }
    file.content(entry).withUnsafeBytes { buffer.copyMemory(from: $0) }
    try check(buffer, chunk, path: blobs.path(pack, .pack), verify)
    return true
  }

  /// A pack's content; nil if its file is not there.
  func pack(_ digest: Digest) throws -> PackFile? {
    if let known = packs.withLock({ $0[digest] }) { return known }
    guard let file = try blobs.open(digest, .pack) else { return nil }
    let size = try file.status().size
    var bytes = [UInt8](repeating: 0, count: size)
    guard try bytes.withUnsafeMutableBytes({ try file.read(into: $0, at: 0) }) == size else {
      throw CairnError.damaged(file.path, "it is shorter than it was")
    }
    let pack = try PackFile(reading: bytes, path: file.path)
    packs.withLock { $0[digest] = pack }
    return pack
  }

  /// Which pack holds a blob now: `gc` may have rewritten the one that the manifest names.
  func findPack(of digest: Digest) throws -> Digest? {
    if let known = moved.withLock({ $0 }) { return known[digest] }
    var found: [Digest: Digest] = [:]
    for name in BlobStore.directoryNames {
      for file in try Files.names(in: "\(blobs.repository)/blobs/\(name)") where file.hasSuffix(".pack") {
        guard let packDigest = Digest(hex: file.dropLast(".pack".count)), let pack = try? pack(packDigest) else {
          continue
        }
        for entry in pack.entries { found[entry.digest] = packDigest }
      }
    }
    moved.withLock { $0 = found }
    return found[digest]
  }

  /// Where a chunk's bytes are now; throws if they are not there.
  func locate(_ chunk: Manifest.Chunk, packHint: Digest?) throws -> BlobLocation {
    if let packHint, try pack(packHint)?.entry(chunk.digest) != nil {
      return BlobLocation(path: blobs.path(packHint, .pack), encoding: .pack, digest: packHint)
    }
    if let own = try blobs.ownFile(chunk.digest, length: chunk.length) {
      return BlobLocation(path: blobs.path(chunk.digest, own.encoding), encoding: own.encoding, digest: chunk.digest)
    }
    if let pack = try findPack(of: chunk.digest) {
      return BlobLocation(path: blobs.path(pack, .pack), encoding: .pack, digest: pack)
    }
    throw CairnError(
      .missing, "\(blobs.path(chunk.digest, .raw)): this blob is not there",
      advice: "restore the file from a backup, or save the same bytes again; `cairn verify` lists what is hurt")
  }
}
