import GRDB

/// A training run, and what its checkpoints have in common.
public struct RunRecord: Sendable, Hashable {
  /// The values of one metric over the checkpoints of a run.
  public struct Metric: Sendable, Hashable {
    /// That of the newest checkpoint which has one.
    public var last: Double
    /// The smallest.
    public var min: Double
    /// The largest.
    public var max: Double
  }

  /// Its id: 128 random bits in hexadecimal.
  public var id: String
  /// Its name.
  public var name: String
  /// When it began, in UTC: ISO 8601 with milliseconds.
  public var created: String
  /// When its newest checkpoint was saved; nil if it has none.
  public var lastSaved: String?
  /// How many checkpoints it has.
  public var checkpoints: Int
  /// The smallest training step of them.
  public var firstStep: Int?
  /// The largest training step of them.
  public var lastStep: Int?
  /// Their metrics.
  public var metrics: [String: Metric]
  /// Their bytes, as if each were a file of its own.
  public var size: Int
  /// Bytes that were new to the repository when they were saved.
  public var newBytes: Int
  /// What was said of it when it began.
  public var metadata: [String: JSONValue]
}

extension Repository {
  /// Training runs, newest first.
  public func runs(limit: Int? = nil) throws -> [RunRecord] {
    try read { db in
      let metrics = try Self.metricsOfRuns(db)
      return try Row.fetchAll(
        db,
        sql: """
          SELECT r.id, r.uid, r.name, r.created, r.metadata, count(c.id), min(c.step), max(c.step), max(c.created),
            cast(total(m.size) AS INTEGER), cast(total(c.new_bytes) AS INTEGER)
          FROM run r LEFT JOIN checkpoint c ON c.run_id = r.id LEFT JOIN manifest m ON m.id = c.manifest_id
          GROUP BY r.id ORDER BY r.created DESC, r.id DESC LIMIT ?
          """, arguments: [limit ?? -1]
      ).map { row in
        var metadata: [String: JSONValue] = [:]
        if case .object(let members) = try JSONValue(parsing: (row.value(4) as String).utf8) { metadata = members }
        return try RunRecord(
          id: row.value(1), name: row.value(2), created: row.value(3), lastSaved: row.value(8),
          checkpoints: row.value(5), firstStep: row.value(6),
          lastStep: row.value(7), metrics: metrics[row.value(0)] ?? [:], size: row.value(9), newBytes: row.value(10),
          metadata: metadata)
      }
    }
  }

  private static func metricsOfRuns(_ db: Database) throws -> [Int64: [String: RunRecord.Metric]] {
    var metrics: [Int64: [String: RunRecord.Metric]] = [:]
    let ranges = try Row.fetchCursor(
      db,
      sql: """
        SELECT c.run_id, x.name, min(x.value), max(x.value) FROM checkpoint c JOIN metric x ON x.checkpoint_id = c.id
        WHERE c.run_id IS NOT NULL GROUP BY c.run_id, x.name
        """)
    while let row = try ranges.next() {
      try metrics[row.value(0), default: [:]][row.value(1)] = RunRecord.Metric(
        last: row.value(2), min: row.value(2), max: row.value(3))
    }
    // By SQLite's rule for a lone max(): the value is that of the row which has it.
    let last = try Row.fetchCursor(
      db,
      sql: """
        SELECT c.run_id, x.name, x.value, max(c.id) FROM checkpoint c JOIN metric x ON x.checkpoint_id = c.id
        WHERE c.run_id IS NOT NULL GROUP BY c.run_id, x.name
        """)
    while let row = try last.next() { try metrics[row.value(0)]?[row.value(1)]?.last = row.value(2) }
    return metrics
  }
}
