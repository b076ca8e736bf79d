import Glibc
import GRDB

extension Repository {
  /// Makes a new version of the path `request.path` out of a checkpoint that is there: its bytes are shared, not copied.
  ///
  /// What the request does not give (run, step, epoch, metrics, metadata) is taken from the source; tags are not.
  public func copy(_ source: PathName, _ request: SaveRequest) throws -> SaveReport {
    try PathName.validate(request.path)
    let report: SaveReport? = try locked { locked in
      guard let record = try locked.index.read({ try Self.find(source, in: $0) }) else { return nil }
      let file = try ManifestFile(blobs: blobs).read(record.manifest)
      try makeDurable(file.manifest, record.manifest)
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
      let metrics = request.metrics.isEmpty ? record.metrics : request.metrics
      entry.metrics = metrics.isEmpty ? nil : metrics
      entry.tags = request.tags.isEmpty ? nil : request.tags
      let metadata = request.metadata.isEmpty ? record.metadata : request.metadata
      entry.metadata = metadata.isEmpty ? nil : metadata
      entry.newBytes = 0
      entry.removes = place.replaced.isEmpty ? nil : place.replaced
      warnings += try locked.commit(entry, known: file)
      return SaveReport(
        id: entry.id, path: request.path, version: place.version, manifest: record.manifest,
        size: record.size, newBytes: 0, warnings: warnings)
    }
    guard var report else {
      _ = try checkpoint(source)
      throw CairnError(.removed, "\(source): was removed just now")
    }
    if request.keepVersions != nil || !request.replaces.isEmpty { report.warnings += sweepReportingFailure() }
    return report
  }

  /// Makes everything that a manifest names durable, itself included. Throws if something is not there.
  private func makeDurable(_ manifest: Manifest, _ digest: Digest) throws {
    var directories: Set = [blobs.directory(digest)]
    try blobs.open(digest, .zstd)?.sync()
    let reader = BlobReader(blobs: blobs)
    for chunk in manifest.chunks {
      let location = try reader.locate(chunk, packHint: chunk.pack.map { manifest.packs[$0] })
      directories.insert(PathName.parent(location.path))
      try OpenFile(location.path, O_RDONLY).sync()
    }
    let list = Array(directories)
    try forEachIndex(list.count, threads: workerCount) { try Files.syncDirectory(list[$0]) }
  }
}
