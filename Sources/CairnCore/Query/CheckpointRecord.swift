import Foundation
import GRDB

/// What the index says of a checkpoint.
public struct CheckpointRecord: Sendable, Hashable {
  /// How much of it is there.
  public enum State: String, Sendable {
    /// All of it, as far as anybody has looked.
    case whole
    /// Some of its blobs are missing.
    case incomplete
    /// Its manifest cannot be read.
    case unreadable
  }

  /// Its id: 128 random bits in hexadecimal.
  public var id: String
  /// Its path.
  public var path: String
  /// Its version of the path.
  public var version: Int
  /// The digest of its manifest.
  public var manifest: Digest
  /// `state`, `file` or `directory`; empty if the manifest cannot be read.
  public var kind: String
  /// How much of it is there.
  public var state: State
  /// The name of its run.
  public var run: String?
  /// The id of the checkpoint it follows, which may have been removed.
  public var parent: String?
  /// The training step.
  public var step: Int?
  /// The epoch.
  public var epoch: Int?
  /// Numbers that say how good it is.
  public var metrics: [String: Double]
  /// The tags that point to it, sorted.
  public var tags: [String]
  /// What was said of it when it was saved.
  public var metadata: [String: JSONValue]
  /// What was read out of it.
  public var extracted: [String: JSONValue]
  /// When it was saved, in UTC: ISO 8601 with milliseconds.
  public var created: String
  /// On which host.
  public var host: String
  /// By which user.
  public var user: String
  /// Its bytes.
  public var size: Int
  /// Bytes that were new to the repository when it was saved.
  public var newBytes: Int
  /// How many tensors it has.
  public var tensorCount: Int
  /// The path that a pointer file was written for to hold it, the plugin's or one that `cairn cp` made: that of the
  /// checkpoint when it was saved, whatever it is called now. Nil for what was saved in other ways, which is there for its
  /// own sake.
  public var pointerPath: String?
  /// Whether a pointer file was to hold it.
  public var pointer: Bool { pointerPath != nil }

  /// `path@version`
  public var name: String { "\(path)@\(version)" }

  static let sql = """
    SELECT c.uid, p.name, c.version, b.digest, m.kind, m.state, r.name, c.parent, c.step, c.epoch, c.metadata,
      m.metadata, c.created, c.host, c.user, m.size, c.new_bytes, m.tensor_count, c.id, c.pointer_path
    FROM checkpoint c JOIN path p ON p.id = c.path_id JOIN manifest m ON m.id = c.manifest_id
      JOIN blob b ON b.id = m.blob_id LEFT JOIN run r ON r.id = c.run_id
    """

  init(_ row: Row, _ db: Database) throws {
    id = try row.value(0)
    path = try row.value(1)
    version = try row.value(2)
    guard let digest = try Digest(bytes: row.value(3) as Data) else {
      throw CairnError.damaged(IndexFile.fileName, "a digest of the wrong length", advice: "run `cairn reindex`")
    }
    manifest = digest
    kind = try row.value(4)
    switch try ManifestState(rawValue: row.value(5)) {
    case .incomplete: state = .incomplete
    case .unreadable: state = .unreadable
    case .whole, nil: state = .whole
    }
    run = try row.value(6)
    parent = try row.value(7)
    step = try row.value(8)
    epoch = try row.value(9)
    metadata = try Self.object(row.value(10))
    extracted = try Self.object(row.value(11))
    created = try row.value(12)
    host = try row.value(13)
    user = try row.value(14)
    size = try row.value(15)
    newBytes = try row.value(16)
    tensorCount = try row.value(17)
    let key: Int64 = try row.value(18)
    pointerPath = try row.value(19)
    // By queries of their own: SQLite's JSON functions round numbers to 15 digits.
    let values = try Row.fetchAll(
      db.cachedStatement(sql: "SELECT name, value FROM metric WHERE checkpoint_id = ?"), arguments: [key])
    metrics = try Dictionary(values.map { (try $0.value(0), try $0.value(1)) }, uniquingKeysWith: { first, _ in first })
    tags = try String.fetchAll(
      db.cachedStatement(sql: "SELECT name FROM tag WHERE checkpoint_id = ? ORDER BY name"), arguments: [key])
  }

  private static func object(_ text: String) throws -> [String: JSONValue] {
    if case .object(let members) = try JSONValue(parsing: text.utf8) { return members }
    return [:]
  }
}
