import GRDB
import Glibc

/// The part of a save that happens with the lock held.
struct Commit {
  enum Outcome {
    case committed(SaveReport, replaced: Bool)
    /// Blobs that were to be reused have gone since: they are to be written, and this begun anew.
    case gone(Set<Digest>)
  }

  private let saver: Saver
  private let prepared: PreparedManifest
  private var request: SaveRequest { saver.request }
  private var repository: Repository { saver.repository }

  init(_ saver: Saver, _ prepared: PreparedManifest) {
    self.saver = saver
    self.prepared = prepared
  }

  func run(_ locked: inout LockedRepository) throws -> Outcome {
    // From here on it is too late: what is put in place would be for `gc` to take away.
    try request.checkCancelled()
    let gone = try goneSince(locked.index)
    if !gone.isEmpty { return .gone(gone) }
    try locked.index.read { try Repository.requireDistinctNames(request, in: $0) }
    try putInPlace()

    var warnings: [String] = []
    let naming = CheckpointNaming(repository: repository)
    let run = try request.run.map { try naming.run($0, metadata: request.runMetadata, &locked, &warnings) }
    let place = try locked.index.read { try naming.place($0, request, run: run) }
    var entry = LogEntry(.saved, id: randomID(), by: .now())
    entry.take(request, place, run: run)
    entry.manifest = prepared.digest
    entry.setMetrics(request.metrics, &warnings)
    entry.newBytes = prepared.newBytes
    entry.pointer = request.pointer ? true : nil
    // What is there already costs the index next to nothing, and is known to be whole only here.
    let indexLater = try request.indexLater && !isListed(locked.index)
    warnings += try locked.commit(
      entry, replacing: place.replaced, known: prepared.known, indexLater: indexLater)
    let report = SaveReport(
      id: entry.id, path: request.path, version: place.version, manifest: prepared.digest,
      size: prepared.manifest.size, newBytes: prepared.newBytes, warnings: warnings)
    return .committed(report, replaced: !place.replaced.isEmpty)
  }

  /// Whether some checkpoint has the same manifest.
  private func isListed(_ index: DatabaseQueue) throws -> Bool {
    try index.read { db in
      try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM manifest m JOIN blob b ON b.id = m.blob_id WHERE b.digest = ?)",
        arguments: [prepared.digest.data]) ?? false
    }
  }

  /// Looks again, row and file, at every blob that was found without the lock.
  private func goneSince(_ index: DatabaseQueue) throws -> Set<Digest> {
    if prepared.reused.isEmpty { return [] }
    let rows = try index.read { try Repository.places(of: prepared.reused.keys, in: $0) }
    var gone = Set<Digest>()
    var packsThere: [Digest: Bool] = [:]
    for (digest, seen) in prepared.reused {
      guard rows[digest] == seen else {
        gone.insert(digest)
        continue
      }
      let isThere: Bool
      if let pack = seen.pack {
        isThere = try packsThere[pack] ?? repository.blobs.hasPack(pack)
        packsThere[pack] = isThere
      } else {
        isThere = try repository.blobs.ownFile(digest, length: seen.size) != nil
      }
      if !isThere { gone.insert(digest) }
    }
    return gone
  }

  private func putInPlace() throws {
    let store = repository.blobs
    let directories = prepared.directories(store)
    for directory in [store.root] + directories where try !Files.hasDirectory(directory) {
      try Files.makeDirectory(directory, mode: repository.modes.directory)
    }
    // Always: a restore, or a process that died, may have made one of these directories and not its name durable.
    try Files.syncDirectory(store.root)
    for file in prepared.files {
      // In place already if this is done a second time, after the index was found damaged.
      let isMoved = try Files.renameIfThere(file.temporary, to: file.final)
      if try !isMoved && !Files.exists(file.final) { throw CairnError.system("rename", file.temporary, ENOENT) }
    }
    try inParallel(directories.count) { try Files.syncDirectory(directories[$0]) }
  }
}
