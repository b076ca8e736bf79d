import GRDB

/// What tagging has done.
public struct TagReport: Sendable {
  /// The tag.
  public var tag: String
  /// The checkpoint that it points to now; nil if it is gone.
  public var checkpoint: CheckpointRecord?
  /// The checkpoint that it pointed to before; nil if there was no such tag.
  public var previous: CheckpointRecord?
  /// What went less than well although it was done.
  public var warnings: [String]
}

extension Repository {
  /// Lets a tag point to a checkpoint, wherever it pointed before.
  ///
  /// Throws ``CairnError/Kind/invalid`` for what cannot be a name, ``CairnError/Kind/alreadyExists`` if there are
  /// checkpoints of a path of that name, which would be found instead, and ``CairnError/Kind/notFound``.
  public func tag(_ tag: String, _ name: PathName) throws -> TagReport {
    try PathName.validate(tag)
    let report = try locked { locked -> TagReport? in
      let (target, previous) = try locked.index.read { (try Self.find(name, in: $0), try Self.tagged(tag, in: $0)) }
      guard let target else { return nil }
      if previous?.id == target.id { return TagReport(tag: tag, checkpoint: target, previous: previous, warnings: []) }
      try locked.index.read { try Self.requireNoPath(calledLike: tag, in: $0) }
      var after = target
      after.tags = (target.tags + [tag]).sorted()
      try LogEntry.requireRoom(for: after)
      var entry = LogEntry(.tagged, id: target.id, by: .now())
      entry.tags = [tag]
      return TagReport(tag: tag, checkpoint: after, previous: previous, warnings: try locked.commit(entry))
    }
    guard let report else { throw try absence(of: name) }
    return report
  }

  /// Takes a tag away. The checkpoint stays.
  ///
  /// Throws ``CairnError/Kind/notFound`` if there is no such tag.
  public func untag(_ tag: String) throws -> TagReport {
    try locked { locked in
      guard let record = try locked.index.read({ try Self.tagged(tag, in: $0) }) else {
        throw CairnError(.notFound, "\(tag): no such tag in \(path)", advice: "`cairn tag` lists the tags")
      }
      var entry = LogEntry(.untagged, id: record.id, by: .now())
      entry.tags = [tag]
      return TagReport(tag: tag, previous: record, warnings: try locked.commit(entry))
    }
  }

  /// All tags by name, and the checkpoints that they point to.
  public func tags() throws -> [(tag: String, checkpoint: CheckpointRecord)] {
    try read { db in
      let rows = try Row.fetchAll(
        db, sql: "SELECT t.name, c.uid FROM tag t JOIN checkpoint c ON c.id = t.checkpoint_id ORDER BY t.name")
      return try rows.compactMap { row in
        try Self.checkpoint(id: row.value(1), in: db).map { (try row.value(0), $0) }
      }
    }
  }

  private static func tagged(_ tag: String, in db: Database) throws -> CheckpointRecord? {
    try Row.fetchOne(
      db, sql: CheckpointRecord.sql + " WHERE c.id = (SELECT checkpoint_id FROM tag WHERE name = ?)", arguments: [tag]
    ).map { try CheckpointRecord($0, db) }
  }
}

extension LogEntry {
  /// Throws if what is said of a checkpoint no longer fits the line of a save: a log that is made anew from the index
  /// has such a line for it.
  static func requireRoom(for record: CheckpointRecord) throws {
    var request = SaveRequest(path: record.path)
    (request.step, request.epoch, request.parent) = (record.step, record.epoch, record.parent)
    (request.metrics, request.tags, request.metadata) = (record.metrics, record.tags, record.metadata)
    request.pointer = record.pointer
    try request.validateLines()
  }
}
