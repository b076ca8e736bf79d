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

  func run() throws -> (bad: [Bad], bytesRead: Int) {
    let chosen = blobs.filter { isChosen($0.digest) }
    let total = options.readData ? chosen.reduce(0) { $0 + $1.size } : 0
    let bad = Mutex<[Bad]>([])
    let done = Tally()
    let reader = BlobReader(blobs: repository.blobs)
    try forEachIndex(blobs.count, threads: workerCount) { [self] index in
      let blob = blobs[index]
      let reads = options.readData && isChosen(blob.digest)
      if let problem = try check(blob, reader, readData: reads) { bad.withLock { $0.append(problem) } }
      if reads {
        let sum = done.add(blob.size)
        options.progress?(sum, total)
      }
    }
    return (bad.withLock { $0 }, total)
  }

  private func isChosen(_ digest: Digest) -> Bool {
    guard let subset = options.subset else { return true }
    let head = digest.bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
    return head % subset.count == subset.part - 1
  }

  private func check(_ blob: NeededBlob, _ reader: BlobReader, readData: Bool) throws -> Bad? {
    let store = repository.blobs
    if blob.isManifest {
      // Always read: without it nothing else of the checkpoint can be told.
      let path = store.path(blob.digest, .zstd)
      do {
        _ = try ManifestFile(blobs: store).read(blob.digest)
        return nil
      } catch let error as CairnError {
        return Bad(blob: blob, path: path, problem: error.message, isThere: error.kind == .damaged)
      }
    }
    let path = blob.pack.map { store.path($0, .pack) } ?? store.path(blob.digest, .raw)
    do {
      let chunk = Manifest.Chunk(digest: blob.digest, length: blob.size, pack: nil)
      if let pack = blob.pack {
        guard let file = try reader.pack(pack) else {
          return Bad(blob: blob, path: path, problem: "this pack is not there", isThere: false)
        }
        guard let entry = file.entry(blob.digest), entry.length == blob.size else {
          return Bad(blob: blob, path: path, problem: "the blob \(blob.digest) is not in this pack", isThere: false)
        }
        if readData, Digest(hashing: file.content(entry)) != blob.digest {
          return Bad(blob: blob, path: path, problem: "the blob \(blob.digest) in it has changed", isThere: true)
        }
        return nil
      }
      guard let own = try store.ownFile(blob.digest, length: blob.size) else {
        let isThere = try Files.exists(path)
        return Bad(
          blob: blob, path: path, problem: isThere ? "it is not as long as it was" : "it is not there",
          isThere: isThere)
      }
      guard readData else { return nil }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(blob.size, 1), alignment: 4_096)
      defer { buffer.deallocate() }
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<blob.size])
      do {
        try reader.read(chunk, packHint: nil, into: target, verify: true)
        return nil
      } catch let error as CairnError where error.kind == .damaged {
        return Bad(blob: blob, path: store.path(blob.digest, own.encoding), problem: error.message, isThere: true)
      }
    } catch let error as CairnError where error.kind == .missing || error.kind == .io || error.kind == .damaged {
      return Bad(blob: blob, path: path, problem: error.message, isThere: error.kind == .damaged)
    }
  }
}
