import GRDB

/// What a checkpoint follows, and what follows it.
public struct CheckpointRelatives: Sendable, Hashable {
  /// `path@version` of its parent; nil if it has none, or that has been removed.
  public var parent: String?
  /// `path@version` of those whose parent it is, the oldest first.
  public var children: [String]
}

extension Repository {
  /// Parent and children of a checkpoint.
  public func relatives(of record: CheckpointRecord) throws -> CheckpointRelatives {
    let name = "SELECT p.name || '@' || c.version FROM checkpoint c JOIN path p ON p.id = c.path_id WHERE "
    return try read { db in
      CheckpointRelatives(
        parent: try record.parent.flatMap { try String.fetchOne(db, sql: name + "c.uid = ?", arguments: [$0]) },
        children: try String.fetchAll(db, sql: name + "c.parent = ? ORDER BY c.id", arguments: [record.id]))
    }
  }

  /// The parents of checkpoints and of those above them, as far up as one of the list can be: rows are numbered in the
  /// order of the log, and a parent comes before what follows it.
  private static func parents(of records: [CheckpointRecord], _ db: Database) throws -> [String: String] {
    let row = try db.cachedStatement(sql: "SELECT id, parent FROM checkpoint WHERE uid = ?")
    var oldest = Int64.max
    var parents: [String: String] = [:]
    for record in records {
      guard let found = try Row.fetchOne(row, arguments: [record.id]) else { continue }
      oldest = try min(oldest, found.value(0))
      parents[record.id] = try found.value(1)
    }
    for record in records {
      var at = parents[record.id]
      while let id = at, parents[id] == nil, let found = try Row.fetchOne(row, arguments: [id]),
        try found.value(0) as Int64 > oldest, let parent = try found.value(1) as String?
      {
        parents[id] = parent
        at = parent
      }
    }
    return parents
  }

  /// For each checkpoint of a list the nearest one above it that is in the list too, by position; nil if there is none.
  ///
  /// A listing that leaves some out draws its lines past them.
  public func nearestAncestors(_ records: [CheckpointRecord]) throws -> [Int?] {
    let positions = Dictionary(records.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    let parents = try read { try Self.parents(of: records, $0) }
    /// Where the walk from an id ends; those on the way share its answer, so that each is passed once.
    var answers: [String: Int?] = [:]
    return records.map { record in
      var passed: Set<String> = []
      var at = parents[record.id]
      var answer: Int?
      while let id = at, passed.insert(id).inserted {
        if let position = positions[id] {
          answer = position
          break
        }
        if let known = answers[id] {
          answer = known
          break
        }
        at = parents[id]
      }
      for id in passed where positions[id] == nil { answers[id] = answer }
      return answer
    }
  }
}
