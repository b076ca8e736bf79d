import GRDB

extension Repository {
  /// The checkpoint that `name` names: the newest version of a path, `path@n`, or the one a tag points to.
  ///
  /// Throws ``CairnError/Kind/notFound``, or ``CairnError/Kind/removed`` if there was one and it was removed.
  public func checkpoint(_ name: PathName) throws -> CheckpointRecord {
    if let record = try find(name) { return record }
    if let removal = try removal(of: name) {
      throw CairnError(
        .removed, "\(name): was removed on \(removal.time) by \(removal.user) on \(removal.host)",
        advice: "`cairn log` lists what there is")
    }
    throw CairnError(.notFound, "\(name): no such checkpoint in \(path)", advice: "`cairn log` lists what there is")
  }

  /// The checkpoint that `name` names; nil if there is none.
  public func find(_ name: PathName) throws -> CheckpointRecord? {
    try read { try Self.find(name, in: $0) }
  }

  static func find(_ name: PathName, in db: Database) throws -> CheckpointRecord? {
    let row: Row?
    if let version = name.version {
      row = try Row.fetchOne(
        db, sql: CheckpointRecord.sql + " WHERE p.name = ? AND c.version = ?", arguments: [name.path, version])
    } else {
      row =
        try Row.fetchOne(
          db, sql: CheckpointRecord.sql + " WHERE p.name = ? ORDER BY c.version DESC LIMIT 1", arguments: [name.path])
        ?? Row.fetchOne(
          db, sql: CheckpointRecord.sql + " WHERE c.id = (SELECT checkpoint_id FROM tag WHERE name = ?)",
          arguments: [name.path])
    }
    return try row.map { try CheckpointRecord($0, db) }
  }

  /// The checkpoint with this id; nil if there is none.
  public func checkpoint(id: String) throws -> CheckpointRecord? {
    try read { db in
      try Row.fetchOne(db, sql: CheckpointRecord.sql + " WHERE c.uid = ?", arguments: [id])
        .map { try CheckpointRecord($0, db) }
    }
  }
}
