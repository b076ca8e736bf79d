import Synchronization

/// Looks at the files of blobs, and if asked reads them, on several threads.
struct BlobCheck {
  /// A blob that is missing or not what it was.
  struct Bad: Sendable {
    var blob: NeededBlob
    var path: String
    var problem: String
    /// Whether a file is there, to be set aside.
    var isThere: Bool
  }

  let repository: Repository
  let options: VerifyOptions
  let blobs: [NeededBlob]

  struct Found {
    var bad: [Bad] = []
    /// Those whose files are not as long as their rows say.
    var misnoted: [NeededBlob] = []
    var bytesRead = 0
  }

  func run() throws -> Found {
    let total = options.readData ? blobs.reduce(0) { $0.adding(isChosen($1.digest) ? $1.size : 0) } : 0
    let found = Mutex(Found())
    let done = Tally()
    let packs = Packs(blobs: repository.blobs)
    try inParallel(blobs.count) { [self] index in
      let blob = blobs[index]
      let reads = options.readData && isChosen(blob.digest)
      if let problem = Self.check(blob, repository.blobs, packs, readData: reads) {
        found.withLock { $0.bad.append(problem) }
      } else if try Self.isMisnoted(blob, repository.blobs) {
        found.withLock { $0.misnoted.append(blob) }
      }
      if reads {
        let sum = done.add(blob.size)
        options.progress?(sum, total)
      }
    }
    var all = found.withLock { $0 }
    all.bytesRead = total
    return all
  }

  /// Whether the row of a blob that is sound says otherwise than its file how long that is.
  private static func isMisnoted(_ blob: NeededBlob, _ store: BlobStore) throws -> Bool {
    // One that is neither compressed nor shorter or longer than its content has just been looked at.
    guard blob.place == .zstd else { return blob.stored != blob.size }
    guard let file = try store.open(blob.digest, .zstd) else { return false }
    return try file.status().size != blob.stored
  }

  private func isChosen(_ digest: Digest) -> Bool {
    guard let subset = options.subset else { return true }
    let head = digest.bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
    return head % subset.count == subset.part - 1
  }

  /// What is wrong with a blob; nil if nothing is. Manifests are always read: without it nothing else of a checkpoint
  /// can be told.
  static func check(_ blob: NeededBlob, _ store: BlobStore, _ packs: Packs, readData: Bool) -> Bad? {
    if blob.isManifest {
      let path = store.path(blob.digest, .zstd)
      return problem(blob, path) { _ = try ManifestFile(blobs: store).read(blob.digest) }
    }
    if let pack = blob.pack { return check(blob, in: pack, store, packs, readData: readData) }
    // Either form will do; if both are there, both are read.
    let path = store.path(blob.digest, .raw)
    return problem(blob, path) {
      guard let own = try store.ownFile(blob.digest, length: blob.size) else {
        guard try Files.exists(path) else { throw CairnError(.missing, "\(path): it is not there") }
        throw CairnError.damaged(path, "it is not as long as it was")
      }
      guard readData else { return }
      guard (0...RepositoryConfiguration.largestChunk).contains(blob.size) else {
        throw CairnError.damaged(IndexFile.fileName, "it says that \(blob.digest) has \(blob.size) bytes")
      }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(blob.size, 1), alignment: 4_096)
      defer { buffer.deallocate() }
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<blob.size])
      let chunk = Manifest.Chunk(digest: blob.digest, length: blob.size, crc32: 0)
      let reader = BlobReader(blobs: store)
      guard
        let read = try own.encoding == .raw
          ? reader.readRaw(chunk, into: target) : reader.readCompressed(chunk, into: target)
      else { throw CairnError(.missing, "\(path): it is not there") }
      guard Digest(hashing: UnsafeRawBufferPointer(target)) == blob.digest else {
        throw CairnError.damaged(read, "its content has another digest")
      }
    }
  }

  private static func check(
    _ blob: NeededBlob, in pack: Digest, _ store: BlobStore, _ packs: Packs, readData: Bool
  ) -> Bad? {
    let path = store.path(pack, .pack)
    return problem(blob, path) {
      // In another pack than the row names is as good: whoever reads it finds it there.
      if !packs.holds(pack, blob.digest, length: blob.size),
        let other = try packs.find(blob.digest).first(where: { packs.holds($0, blob.digest, length: blob.size) })
      {
        guard readData, try packs.content(blob.digest, from: other).map({ Digest(hashing: $0) }) != blob.digest else {
          return
        }
      }
      guard let table = try packs.table(pack) else { throw CairnError(.missing, "\(path): this pack is not there") }
      guard table[blob.digest]?.length == blob.size else {
        throw CairnError(.missing, "\(path): the blob \(blob.digest) is not in this pack")
      }
      if readData, try packs.content(blob.digest, from: pack).map({ Digest(hashing: $0) }) != blob.digest {
        throw CairnError.damaged(path, "the blob \(blob.digest) in it has changed")
      }
    }
  }

  private static func problem(_ blob: NeededBlob, _ path: String, _ look: () throws -> Void) -> Bad? {
    do {
      try look()
      return nil
    } catch let error as CairnError {
      // The path is told beside it.
      let problem = error.message.hasPrefix(path + ": ") ? error.message.dropFirst(path.count + 2) : error.message[...]
      return Bad(blob: blob, path: path, problem: String(problem), isThere: error.kind == .damaged)
    } catch {
      return Bad(blob: blob, path: path, problem: "\(error)", isThere: true)
    }
  }
}
