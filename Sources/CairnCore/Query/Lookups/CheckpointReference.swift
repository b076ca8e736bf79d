import GRDB

/// A checkpoint as look-ups name it.
public struct CheckpointReference: Sendable, Hashable {
  /// Its id: 128 random bits in hexadecimal.
  public var id: String
  /// Its path.
  public var path: String
  /// Its version of the path.
  public var version: Int
  /// The name of its run.
  public var run: String?
  /// The training step.
  public var step: Int?
  /// When it was saved, in UTC: ISO 8601 with milliseconds.
  public var created: String

  /// `path@version`
  public var name: String { "\(path)@\(version)" }

  /// Makes one from its parts.
  public init(id: String, path: String, version: Int, run: String?, step: Int?, created: String) {
    self.id = id
    self.path = path
    self.version = version
    self.run = run
    self.step = step
    self.created = created
  }

  /// What a record says of it.
  public init(_ record: CheckpointRecord) {
    self.init(
      id: record.id, path: record.path, version: record.version, run: record.run, step: record.step,
      created: record.created)
  }

  init(row id: Int64, _ db: Database) throws {
    let find = try db.cachedStatement(
      sql: """
        SELECT c.uid, p.name, c.version, r.name, c.step, c.created FROM checkpoint c JOIN path p ON p.id = c.path_id
          LEFT JOIN run r ON r.id = c.run_id WHERE c.id = ?
        """)
    guard let row = try Row.fetchOne(find, arguments: [id]) else {
      throw CairnError.damaged(IndexFile.fileName, "a checkpoint without its path", advice: "run `cairn reindex`")
    }
    try self.init(
      id: row.value(0), path: row.value(1), version: row.value(2), run: row.value(3), step: row.value(4),
      created: row.value(5))
  }
}
