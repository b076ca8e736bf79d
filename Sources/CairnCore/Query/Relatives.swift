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

  /// For each checkpoint of a list the nearest one above it that is in the list too, by position; nil if there is none.
  ///
  /// A listing that leaves some out draws its lines past them.
  public func nearestAncestors(_ records: [CheckpointRecord]) throws -> [Int?] {
    let positions = Dictionary(records.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    let parents = try read { db in
      try Row.fetchAll(db, sql: "SELECT uid, parent FROM checkpoint WHERE parent IS NOT NULL")
        .reduce(into: [String: String]()) { $0[$1[0]] = $1[1] }
    }
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
