import Glibc
import GRDB

extension Repository {
  /// Makes a new version of the path `request.path` out of a checkpoint that is there: its bytes are shared, not copied.
  ///
  /// What the request does not give (run, step, epoch, metrics, metadata) is taken from the source; tags and ``SaveRequest/pointer`` are not.
  public func copy(_ source: PathName, _ request: SaveRequest) throws -> SaveReport {
    try request.validate()
    let seen = try checkpoint(source)
    let file = try ManifestFile(blobs: blobs).read(seen.manifest)
    // Before the lock is taken: as long as the source is listed, nothing that it needs leaves its place.
    try makeDurable(file.manifest, seen.manifest)
    let report: SaveReport? = try locked { locked in
      // By its id: it may have been moved meanwhile.
      guard let record = try locked.index.read({ try Self.checkpoint(id: seen.id, in: $0) }) else { return nil }
      try locked.index.read { try Self.requireDistinctNames(request, in: $0) }
      var warnings: [String] = []
      let naming = CheckpointNaming(repository: self)
      let run = try (request.run ?? record.run).map { try naming.run($0, metadata: [:], &locked, &warnings) }
      var wanted = request
      wanted.parent = request.parent ?? record.id
      let place = try locked.index.read { try naming.place($0, wanted, run: run) }
      var entry = LogEntry(.saved, id: randomID(), by: .now())
      entry.path = request.path
      entry.version = place.version
      entry.manifest = record.manifest
      entry.run = run
      entry.parent = place.parent
      entry.step = request.step ?? record.step
      entry.epoch = request.epoch ?? record.epoch
      entry.setMetrics(request.metrics.isEmpty ? record.metrics : request.metrics, &warnings)
      entry.tags = request.tags.isEmpty ? nil : request.tags
      let metadata = request.metadata.isEmpty ? record.metadata : request.metadata
      entry.metadata = metadata.isEmpty ? nil : metadata
      entry.newBytes = 0
      entry.pointer = request.pointer ? true : nil
      warnings += try locked.commit(entry, replacing: place.replaced, known: file)
      return SaveReport(
        id: entry.id, path: request.path, version: place.version, manifest: record.manifest,
        size: record.size, newBytes: 0, warnings: warnings)
    }
    guard var report else {
      throw CairnError(.removed, "\(source): was removed just now")
    }
    if request.keepVersions != nil || !request.replaces.isEmpty { report.warnings += sweepReportingFailure() }
    return report
  }

  /// Makes everything that a manifest names durable, itself included. Throws if something is not there.
  private func makeDurable(_ manifest: Manifest, _ digest: Digest) throws {
    let reader = BlobReader(blobs: blobs)
    var paths: Set = [blobs.path(digest, .zstd)]
    for chunk in manifest.chunks {
      paths.insert(try reader.locate(chunk, packHint: chunk.pack.map { manifest.packs[$0] }))
    }
    let files = Array(paths)
    try inParallel(files.count) { try OpenFile(files[$0], O_RDONLY).sync() }
    let directories = Array(Set(files.map { PathName.parent($0) } + [blobs.root]))
    try inParallel(directories.count) { try Files.syncDirectory(directories[$0]) }
  }
}
