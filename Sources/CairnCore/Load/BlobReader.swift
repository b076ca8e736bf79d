import Crypto
import Glibc

/// Reads blobs, in whatever form they are kept.
///
/// It needs the manifest and the files under `blobs/`, no log and no index.
final class BlobReader: Sendable {
  let packs: Packs
  private let blobs: BlobStore
  private let readsUncached: Bool

  init(blobs: BlobStore) {
    self.blobs = blobs
    readsUncached = Filesystem.suitsUncachedFiles(blobs.root)
    packs = Packs(blobs: blobs)
  }

  /// Fills `buffer`, which is as long as the chunk, with its bytes. `verify` checks their digest.
  ///
  /// Where one place has them damaged, the others are tried before it is said so.
  func read(
    _ chunk: Manifest.Chunk, packHint: Digest?, into buffer: UnsafeMutableRawBufferPointer, verify: Bool
  ) throws {
    var damage: CairnError?
    func succeeds(_ read: () throws -> String?) throws -> Bool {
      do {
        guard let path = try read() else { return false }
        if !verify || Digest(hashing: UnsafeRawBufferPointer(buffer)) == chunk.digest { return true }
        throw CairnError.damaged(
          path, "its content has another digest (that of \(chunk.digest) was written)",
          advice: "saving the same bytes again, or a backup, heals it; `cairn verify --read-data` lists what is hurt")
      } catch let error as CairnError where error.kind == .damaged {
        damage = damage ?? error
        return false
      }
    }
    func packed(_ pack: Digest) throws -> String? {
      try packs.read(chunk.digest, from: pack, into: buffer) ? blobs.path(pack, .pack) : nil
    }
    if let packHint, try succeeds({ try packed(packHint) }) { return }
    if try succeeds({ try readRaw(chunk, into: buffer) }) { return }
    if try succeeds({ try readCompressed(chunk, into: buffer) }) { return }
    for attempt in 0..<2 {
      for pack in try packs.find(chunk.digest) where pack != packHint {
        if try succeeds({ try packed(pack) }) { return }
      }
      // `gc` may have rewritten packs since they were looked through.
      if attempt == 0 { packs.forgetPlaces() }
    }
    var error = damage ?? missing(chunk)
    error.blob = chunk.digest
    throw error
  }

  /// Reads a blob from its own file as it is; nil if there is none. Its digest is not checked.
  func readRaw(_ chunk: Manifest.Chunk, into buffer: UnsafeMutableRawBufferPointer) throws -> String? {
    guard let (file, size) = try blobs.openWithSize(chunk.digest, .raw) else { return nil }
    guard size == chunk.length, try read(file, into: buffer, at: 0) == chunk.length else {
      throw CairnError.damaged(file.path, "it is not as long as it was")
    }
    return file.path
  }

  private func read(_ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    try readsUncached ? file.readUncached(into: buffer, at: offset) : file.read(into: buffer, at: offset)
  }

  /// Hands on the bytes of a chunk in pieces, from its start, as they are read into `buffer`, and checks their digest at
  /// the end: what was handed on before an error is not to be used. It may begin again, with offset 0.
  ///
  /// A piece is hashed and used while it is in a core's cache, and memory for all of the chunk is needed only for one
  /// that is compressed, packed or damaged.
  func read(
    _ chunk: Manifest.Chunk, packHint: Digest?, through buffer: UnsafeMutableRawBufferPointer,
    _ body: (_ piece: UnsafeRawBufferPointer, _ offset: Int) throws -> Void
  ) throws {
    if packHint == nil, try readRaw(chunk, through: buffer, body) { return }
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk.length, alignment: 4_096)
    defer { whole.deallocate() }
    try read(chunk, packHint: packHint, into: whole, verify: true)
    try body(UnsafeRawBufferPointer(whole), 0)
  }

  /// False if there is no whole file of it.
  private func readRaw(
    _ chunk: Manifest.Chunk, through buffer: UnsafeMutableRawBufferPointer,
    _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws -> Bool {
    let opened: (OpenFile, Int)?
    do {
      opened = try blobs.openWithSize(chunk.digest, .raw)
    } catch let error as CairnError where error.kind == .damaged {
      return false
    }
    guard let (file, size) = opened, size == chunk.length else { return false }
    var hash = SHA256()
    var done = 0
    while done < size {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, size - done)])
      guard try read(file, into: piece, at: done) == piece.count else { return false }
      hash.update(bufferPointer: UnsafeRawBufferPointer(piece))
      try body(UnsafeRawBufferPointer(piece), done)
      done += piece.count
    }
    return Digest(hash.finalize()) == chunk.digest
  }

  /// Reads a blob from its own compressed file; nil if there is none. Its digest is not checked.
  func readCompressed(_ chunk: Manifest.Chunk, into buffer: UnsafeMutableRawBufferPointer) throws -> String? {
    guard let file = try blobs.open(chunk.digest, .zstd) else { return nil }
    guard try file.status().size <= Zstd.bound(chunk.length) else {
      throw CairnError.damaged(file.path, "it is larger than its content could be")
    }
    let content = try Zstd.decompress(try file.contents(), path: file.path, limit: chunk.length)
    guard content.count == chunk.length else { throw CairnError.damaged(file.path, "its content has another length") }
    content.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return file.path
  }

  /// The file that a chunk's bytes are in now; throws if they are not there. Contents are not looked at.
  func locate(_ chunk: Manifest.Chunk, packHint: Digest?) throws -> String {
    if let packHint, packs.holds(packHint, chunk.digest, length: chunk.length) {
      return blobs.path(packHint, .pack)
    }
    if let own = try blobs.ownFile(chunk.digest, length: chunk.length) {
      return blobs.path(chunk.digest, own.encoding)
    }
    if let pack = try packs.find(chunk.digest).first {
      return blobs.path(pack, .pack)
    }
    throw missing(chunk)
  }

  private func missing(_ chunk: Manifest.Chunk) -> CairnError {
    CairnError(
      .missing, "\(blobs.path(chunk.digest, .raw)): this blob is not there",
      advice: "restore the file from a backup, or save the same bytes again; `cairn verify` lists what is hurt")
  }
}
