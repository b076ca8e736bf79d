import GRDB

/// What every checkpoint can be filtered and sorted by, beside its metrics and metadata.
public enum CheckpointColumn: String, Sendable, CaseIterable {
  case id, name, path, version, run, parent, step, epoch, kind, state, created, host, user, size, tensors, tags,
    manifest
  case newBytes = "new_bytes"

  /// What a column holds, and so what it compares with.
  public enum ValueType: Sendable {
    /// Text, compared byte by byte.
    case text
    /// A whole number.
    case number
    /// A moment: ISO 8601 in UTC, whole or its beginning, or `7d ago`.
    case time
    /// Any number of texts, one of which has to match.
    case texts
  }

  /// The column that an expression calls `name`; `tag` and `tensor_count` are other names of `tags` and `tensors`.
  public init?(named name: String) {
    switch name {
    case "tag": self = .tags
    case "tensor_count": self = .tensors
    default: self.init(rawValue: name)
    }
  }

  /// What it holds.
  public var type: ValueType {
    switch self {
    case .id, .name, .path, .run, .parent, .kind, .state, .host, .user, .manifest: return .text
    case .version, .step, .epoch, .size, .newBytes, .tensors: return .number
    case .created: return .time
    case .tags: return .texts
    }
  }

  /// Its value, in a query over ``tables``; that of `tags` is the first.
  var sql: SQL {
    switch self {
    case .id: return "c.uid"
    case .name: return "(p.name || '@' || c.version)"
    case .path: return "p.name"
    case .version: return "c.version"
    case .run: return "r.name"
    case .parent: return "c.parent"
    case .step: return "c.step"
    case .epoch: return "c.epoch"
    case .kind: return "m.kind"
    case .state: return "(CASE m.state WHEN 0 THEN 'whole' WHEN 1 THEN 'incomplete' ELSE 'unreadable' END)"
    case .created: return "c.created"
    case .host: return "c.host"
    case .user: return "c.user"
    case .size: return "m.size"
    case .newBytes: return "c.new_bytes"
    case .tensors: return "m.tensor_count"
    case .manifest: return "(SELECT lower(hex(b.digest)) FROM blob b WHERE b.id = m.blob_id)"
    case .tags: return "(SELECT min(t.name) FROM tag t WHERE t.checkpoint_id = c.id)"
    }
  }

  /// The tables that ``sql`` speaks of.
  static let tables: SQL = """
    checkpoint c JOIN path p ON p.id = c.path_id JOIN manifest m ON m.id = c.manifest_id LEFT JOIN run r ON r.id = c.run_id
    """
}
