import GRDB

extension Repository {
  /// The checkpoint that `name` names: the newest version of a path, `path@n`, or the one a tag points to.
  ///
  /// Throws ``CairnError/Kind/notFound``, which says so if there was one and it was moved, or
  /// ``CairnError/Kind/removed`` if there was one and it was removed.
  public func checkpoint(_ name: PathName) throws -> CheckpointRecord {
    if let record = try find(name) { return record }
    throw try absence(of: name)
  }

  /// Why there is no checkpoint of this name.
  func absence(of name: PathName) throws -> CairnError {
    let list = "`cairn log` lists what there is"
    switch try departure(of: name) {
    case .removed(let event):
      return CairnError(
        .removed, "\(name): was removed on \(event.time) by \(event.user) on \(event.host)", advice: list)
    case .moved(let event, _, let now):
      return CairnError(
        .notFound, "\(name): was moved to \(now) on \(event.time) by \(event.user) on \(event.host)",
        advice: "name it \(now)")
    case nil:
      return CairnError(.notFound, "\(name): no such checkpoint in \(path)", advice: list)
    }
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
    try read { try Self.checkpoint(id: id, in: $0) }
  }

  static func checkpoint(id: String, in db: Database) throws -> CheckpointRecord? {
    try Row.fetchOne(db, sql: CheckpointRecord.sql + " WHERE c.uid = ?", arguments: [id])
      .map { try CheckpointRecord($0, db) }
  }
}
