import GRDB

extension Repository {
  /// Opens a checkpoint and does something with it.
  ///
  /// A name without a version whose newest version is removed meanwhile (an evaluator that reads a live `last`) is
  /// resolved again, and `body` called again; a removed `path@n` is an error that says so.
  public func withCheckpoint<Result>(
    _ name: PathName, _ body: (CheckpointRecord, StoredCheckpoint) throws -> Result
  ) throws -> Result {
    for _ in 0..<16 {
      let record = try checkpoint(name)
      // What was missing may be there again: then it is no longer listed as incomplete.
      if record.state != .whole, isWritable { try? lookAgainAtIncomplete() }
      do {
        return try body(record, StoredCheckpoint(name: record.name, digest: record.manifest, repository: self))
      } catch let error as CairnError where error.kind == .damaged {
        noteDamage(error, manifest: record.manifest)
        throw error
      } catch let error as CairnError where error.kind == .missing {
        // Missing because it was removed, or missing although it is listed?
        guard try checkpoint(id: record.id) == nil else { throw error }
        if name.version != nil { throw CairnError(.removed, "\(name): was removed while it was being read") }
      }
    }
    throw CairnError(.removed, "\(name): its versions are removed faster than they can be read")
  }

  /// Sets aside the blob that an error says is damaged, so that the next save of its bytes heals it instead of sharing
  /// it, and lists the checkpoint with this manifest as incomplete.
  ///
  /// ``withCheckpoint(_:_:)`` does so by itself; this is for who goes on reading a ``StoredCheckpoint`` after it. Nothing
  /// happens for other errors, in a repository that cannot be written to, and if it fails: the error that was found
  /// counts.
  public func noteDamage(_ error: CairnError, manifest: Digest) {
    guard error.kind == .damaged, let blob = error.blob, isWritable else { return }
    try? setAside(blob, of: manifest)
  }

  private func setAside(_ blob: Digest, of manifest: Digest) throws {
    try setAside(read { try NeededBlob.rows($0, of: [blob]) })
    let manifest = try read {
      try Int64.fetchOne(
        $0, sql: "SELECT m.id FROM manifest m JOIN blob b ON b.id = m.blob_id WHERE b.digest = ?",
        arguments: [manifest.data])
    }
    if let manifest { try setState(.incomplete, ofManifests: [manifest]) }
  }
}
