import GRDB

/// What a new checkpoint is called, what it follows and what it replaces: decided with the lock held.
struct CheckpointNaming {
  let repository: Repository

  struct Place {
    var version: Int
    var parent: String?
    /// The ids of the versions that go: because only so many are kept, or because the request names them.
    var replaced: [String]
  }

  func place(_ db: Database, _ request: SaveRequest, run: String?) throws -> Place {
    let last = try Int.fetchOne(db, sql: "SELECT last_version FROM path WHERE name = ?", arguments: [request.path]) ?? 0
    var parent = request.parent
    if parent == nil {
      parent = try String.fetchOne(
        db,
        sql: """
          SELECT c.uid FROM checkpoint c JOIN path p ON p.id = c.path_id WHERE p.name = ?
          ORDER BY c.version DESC LIMIT 1
          """, arguments: [request.path])
    }
    if parent == nil, let run {
      parent = try String.fetchOne(
        db,
        sql: """
          SELECT c.uid FROM checkpoint c JOIN run r ON r.id = c.run_id WHERE r.uid = ? ORDER BY c.id DESC LIMIT 1
          """, arguments: [run])
    }
    var replaced = try request.keepVersions.map { try versions(of: request, in: db, beyond: $0 - 1) } ?? []
    var seen = Set(replaced)
    for id in request.replaces where seen.insert(id).inserted {
      if try isUntagged(id, after: request, in: db) { replaced.append(id) }
    }
    return Place(version: last + 1, parent: parent, replaced: replaced)
  }

  /// The ids of the path's versions but for the newest ones. Those that keep a tag after this save do not count.
  private func versions(of request: SaveRequest, in db: Database, beyond count: Int) throws -> [String] {
    let versions = try Row.fetchAll(
      db,
      sql: """
        SELECT c.uid, (SELECT group_concat(name, char(10)) FROM tag WHERE checkpoint_id = c.id)
        FROM checkpoint c JOIN path p ON p.id = c.path_id WHERE p.name = ? ORDER BY c.version DESC
        """, arguments: [request.path])
    let untagged = try versions.filter { try Self.keepsNoTag($0.value(1), after: request) }
    return try untagged.dropFirst(count).map { try $0.value(0) }
  }

  /// Whether there is a checkpoint with this id, and none of its tags stays with it after this save.
  private func isUntagged(_ id: String, after request: SaveRequest, in db: Database) throws -> Bool {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT (SELECT group_concat(name, char(10)) FROM tag WHERE checkpoint_id = c.id) FROM checkpoint c
        WHERE c.uid = ?
        """, arguments: [id])
    return try row.map { try Self.keepsNoTag($0.value(0), after: request) } ?? false
  }

  private static func keepsNoTag(_ tags: String?, after request: SaveRequest) -> Bool {
    // By bytes, as SQLite tells tags apart: one that only looks like a tag of the request stays where it is.
    let tags = tags?.utf8.split(separator: UInt8(ascii: "\n")).map { Substring($0) } ?? []
    return tags.allSatisfy { tag in request.tags.contains { $0.isExactly(tag) } }
  }

  /// The id of the run with this name, which begins now if there is none.
  func run(
    _ name: String, metadata: [String: JSONValue], _ locked: inout LockedRepository, _ warnings: inout [String]
  ) throws -> String {
    let known = try locked.index.read {
      try String.fetchOne($0, sql: "SELECT uid FROM run WHERE name = ?", arguments: [name])
    }
    if let known { return known }
    var entry = LogEntry(.run, id: randomID(), by: .now())
    entry.name = name
    entry.metadata = metadata.isEmpty ? nil : metadata
    // A line of its own, durable before the next: with two in one write, a torn first one would look like damage.
    do {
      warnings += try locked.commit(entry)
    } catch let error as CairnError where error.kind == .outcomeOpen {
      throw CairnError(.io, "the checkpoint was not saved; of its run: \(error.message)", advice: error.advice)
    }
    return entry.id
  }
}
