import Foundation
import GRDB
import Synchronization

/// Where the bytes of something that need not be saved occur: of a file on disk, say.
public struct ContentOccurrences: Sendable, Hashable {
  /// How much of it one checkpoint has.
  public struct Share: Sendable, Hashable {
    /// The checkpoint.
    public var checkpoint: CheckpointReference
    /// How many of the storages it has.
    public var storages: Int
    /// How many of the named tensors are views of these.
    public var tensors: Int
    /// Their bytes.
    public var bytes: Int
  }

  /// A tensor of the content.
  public struct Tensor: Sendable, Hashable {
    /// Its name in the content.
    public var name: String
    /// In how many checkpoints the bytes of its storage are, under whatever name.
    public var checkpoints: Int
  }

  /// The checkpoints that hold these very files, newest first.
  public var exact: [CheckpointReference]
  /// The checkpoints that have any of its storages, those with the most bytes first, then the newest; up to the limit.
  public var shares: [Share]
  /// How many checkpoints have any.
  public var checkpointCount: Int
  /// The tensors.
  public var tensors: [Tensor]
  /// How many different storages it has that are not empty.
  public var storageCount: Int
  /// The bytes of these.
  public var storageBytes: Int
}

extension ContentOccurrences {
  /// What is known of something that is these checkpoints and has no bytes of its own, as a pointer file.
  public init(exact: [CheckpointReference]) {
    self.init(
      exact: exact, shares: [], checkpointCount: exact.count, tensors: [], storageCount: 0, storageBytes: 0)
  }
}

extension Repository {
  /// Where the bytes of a content occur that may or may not have been saved: they are read and hashed as a save would,
  /// and nothing is written.
  ///
  /// - Parameters:
  ///   - limit: How many checkpoints that share some of it are listed.
  ///   - isCancelled: Asked often, from any thread: `true` ends it with ``CairnError/Kind/cancelled``.
  public func occurrences(
    of content: CheckpointContent, limit: Int, isCancelled: (@Sendable () -> Bool)? = nil
  ) throws -> ContentOccurrences {
    var content = content
    content.moveLargeBytesOut()
    let digests = try chunkDigests(of: content, isCancelled)
    try content.checkUnchanged()
    let finder = ContentFinder(content: content, digests: digests)
    let (found, candidates) = try read { try finder.find($0, limit: limit) }
    var occurrences = found
    let store = ManifestFile(blobs: blobs)
    let same = candidates.filter { candidate in
      (try? store.read(candidate.digest)).map { finder.isHeld(by: $0.manifest) } ?? false
    }
    if !same.isEmpty {
      occurrences.exact = try read { db in
        try ManifestUses.checkpoints(of: same.map(\.id), db).map { try CheckpointReference(row: $0, db) }
      }
    }
    return occurrences
  }

  /// The digests of the chunks of all sources.
  func chunkDigests(
    of content: CheckpointContent, _ isCancelled: (@Sendable () -> Bool)?
  ) throws -> [[Digest]] {
    let chunking = Chunking(sizes: content.sources.map(\.size), chunkSize: configuration.chunkSize)
    let found = Mutex([Digest](repeating: .zero, count: chunking.tasks.count))
    let batches = Chunking.batches(chunking.tasks.indices, of: chunking.tasks, chunkSize: configuration.chunkSize)
    let sources = content.sources
    try inParallel(batches.count) { batch in
      for index in batches[batch] {
        if isCancelled?() == true { throw CairnError(.cancelled, "looking for a file's content was stopped") }
        let task = chunking.tasks[index]
        let digest = try Digest(
          hashing: RangeSource(whole: sources[task.storage], offset: task.offset, size: task.length))
        found.withLock { $0[index] = digest }
      }
    }
    let digests = found.withLock { $0 }
    return sources.indices.map { Array(digests[chunking.starts[$0]..<chunking.starts[$0 + 1]]) }
  }
}

/// Compares a content whose storages were hashed with what the index has.
private struct ContentFinder: Sendable {
  let content: CheckpointContent
  let digests: [[Digest]]

  /// A manifest that has all storages of the content.
  struct Candidate {
    var id: Int64
    var digest: Digest
  }

  private struct Found {
    var size = 0
    var tensors = 0
    /// How many checkpoints have it.
    var checkpoints = 0
  }

  func find(_ db: Database, limit: Int) throws -> (ContentOccurrences, [Candidate]) {
    // Empty storages are in nearly every checkpoint, and say nothing.
    let storages = Set(digests.filter { !$0.isEmpty })
    var found: [[Digest]: Found] = [:]
    var bytes = 0
    for (source, storage) in zip(content.sources, digests) where !storage.isEmpty && found[storage] == nil {
      found[storage] = Found(size: source.size)
      bytes += source.size
    }
    for tensor in content.tensors { found[digests[tensor.storage]]?.tensors += 1 }

    // Only sums are kept: a thousand storages may each be in ten thousand manifests.
    var shares: [Int64: (storages: Int, tensors: Int, bytes: Int)] = [:]
    let uses = StorageUses(db: db)
    let checkpointsOf = try ManifestUses(1...Int64.max, db)
    for storage in storages {
      let blobs = try storage.compactMap { try uses.blob($0) }
      guard blobs.count == storage.count, let id = try uses.storage(of: blobs), let one = found[storage] else {
        continue
      }
      let manifests = try uses.uses(of: [id]).manifests
      found[storage]?.checkpoints = checkpointsOf.use(of: manifests).count
      for manifest in manifests {
        let share = shares[manifest, default: (0, 0, 0)]
        shares[manifest] = (share.storages + 1, share.tensors + one.tensors, share.bytes.adding(one.size))
      }
    }
    let checkpoints = try checkpoints(of: shares, db)
    let list = try checkpoints.prefix(limit).compactMap { checkpoint, manifest -> ContentOccurrences.Share? in
      guard let share = shares[manifest] else { return nil }
      return ContentOccurrences.Share(
        checkpoint: try CheckpointReference(row: checkpoint, db), storages: share.storages, tensors: share.tensors,
        bytes: share.bytes)
    }
    let candidates = try candidates(
      shares.filter { $0.value.storages == storages.count }.map(\.key), storages.isEmpty, db)
    return (
      ContentOccurrences(
        exact: [], shares: list, checkpointCount: checkpoints.count,
        tensors: content.tensors.map {
          .init(name: $0.name, checkpoints: found[digests[$0.storage]]?.checkpoints ?? 0)
        },
        storageCount: storages.count, storageBytes: bytes), candidates
    )
  }

  /// All checkpoints with any share, those with the largest first.
  private func checkpoints(
    of shares: [Int64: (storages: Int, tensors: Int, bytes: Int)], _ db: Database
  ) throws -> [(checkpoint: Int64, manifest: Int64)] {
    let find = try db.cachedStatement(sql: "SELECT id FROM checkpoint WHERE manifest_id = ?")
    let all = try shares.keys.flatMap { manifest in
      try Int64.fetchAll(find, arguments: [manifest]).map { (checkpoint: $0, manifest: manifest) }
    }
    return all.sorted { left, right in
      let (a, b) = (shares[left.manifest]?.bytes ?? 0, shares[right.manifest]?.bytes ?? 0)
      return a == b ? left.checkpoint > right.checkpoint : a > b
    }
  }

  private func candidates(_ manifests: [Int64], _ hasNoStorages: Bool, _ db: Database) throws -> [Candidate] {
    guard case .files(let files) = content.content else { return [] }
    let rows: [Row]
    if hasNoStorages {
      rows = try Row.fetchAll(
        db,
        sql: """
          SELECT m.id, b.digest FROM manifest m JOIN blob b ON b.id = m.blob_id
          WHERE m.size = ? AND m.refs > 0 AND m.kind <> 'state' ORDER BY m.id DESC LIMIT 1000
          """, arguments: [files.reduce(0) { $0 + $1.size }])
    } else {
      rows = try Row.fetchAll(
        db,
        sql: """
          SELECT m.id, b.digest FROM json_each(?) j CROSS JOIN manifest m ON m.id = j.value
            JOIN blob b ON b.id = m.blob_id
          WHERE m.refs > 0 AND m.kind <> 'state' ORDER BY m.id DESC LIMIT 1000
          """, arguments: [TensorRows.json(manifests)])
    }
    return try rows.compactMap { row in
      try Digest(bytes: row.value(1) as Data).map { try Candidate(id: row.value(0), digest: $0) }
    }
  }

  /// Whether a checkpoint has these files, byte for byte: a single one under any name, several under theirs.
  func isHeld(by manifest: Manifest) -> Bool {
    guard case .files(let files) = content.content, case .files(let held) = manifest.content else { return false }
    let isSingle = files.count == 1 && files[0].path.isEmpty
    guard isSingle || files.count == held.count else { return false }
    if isSingle { return held.contains { isSame($0, in: manifest, files[0]) } }
    // By the very bytes of their paths, which two that are equal as text may not share.
    let byPath = Dictionary(held.map { (Array($0.path.utf8), $0) }, uniquingKeysWith: { first, _ in first })
    return files.allSatisfy { file in
      byPath[Array(file.path.utf8)].map { isSame($0, in: manifest, file) } ?? false
    }
  }

  private func isSame(_ held: Manifest.File, in manifest: Manifest, _ own: Manifest.File) -> Bool {
    held.size == own.size && held.segments.count == own.segments.count
      && zip(held.segments, own.segments).allSatisfy { isSame($0, in: manifest, $1) }
  }

  private func isSame(_ held: Manifest.Bytes, in manifest: Manifest, _ own: Manifest.Bytes) -> Bool {
    switch (held, own) {
    case (.inline(let held), .inline(let own)): return held == own
    case (.storage(let held), .storage(let own)):
      return manifest.storages[held].chunks.map { manifest.chunks[$0].digest } == digests[own]
    default: return false
    }
  }
}
