import GRDB

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
    try putInPlace()

    var warnings: [String] = []
    let naming = CheckpointNaming(repository: repository)
    let run = try request.run.map { try naming.run($0, metadata: request.runMetadata, &locked, &warnings) }
    let place = try locked.index.read { try naming.place($0, request, run: run) }
    var entry = LogEntry(.saved, id: randomID(), by: .now())
    entry.path = request.path
    entry.version = place.version
    entry.manifest = prepared.digest
    entry.run = run
    entry.parent = place.parent
    entry.step = request.step
    entry.epoch = request.epoch
    let finite = request.metrics.filter { $0.value.isFinite }
    for name in request.metrics.keys.sorted() where finite[name] == nil {
      warnings.append("the metric \(name) is not a finite number, and was left out")
    }
    entry.metrics = finite.isEmpty ? nil : finite
    entry.tags = request.tags.isEmpty ? nil : request.tags
    entry.metadata = request.metadata.isEmpty ? nil : request.metadata
    entry.newBytes = prepared.newBytes
    entry.removes = place.replaced.isEmpty ? nil : place.replaced
    warnings += try locked.commit(entry, known: prepared.known)
    let report = SaveReport(
      id: entry.id, path: request.path, version: place.version, manifest: prepared.digest,
      size: prepared.manifest.size, newBytes: prepared.newBytes, warnings: warnings)
    return .committed(report, replaced: !place.replaced.isEmpty)
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
    var made = false
    for directory in directories where try !Files.exists(directory) {
      try Files.makeDirectory(directory, mode: repository.modes.directory)
      made = true
    }
    if made { try Files.syncDirectory(repository.path + "/blobs") }
    for file in prepared.files { try Files.rename(file.temporary, to: file.final) }
    try forEachIndex(directories.count, threads: workerCount) { try Files.syncDirectory(directories[$0]) }
  }
}
