import GRDB

extension Repository {
  /// Paths that have checkpoints and begin with `prefix`, in the order of their bytes.
  public func paths(beginningWith prefix: String, limit: Int) throws -> [String] {
    try names(
      """
      SELECT name FROM path WHERE name >= ? AND name < ?
        AND EXISTS (SELECT 1 FROM checkpoint WHERE path_id = path.id) ORDER BY name LIMIT ?
      """, prefix, limit)
  }

  /// The versions that there are of a path, newest first.
  public func versions(of path: String, limit: Int) throws -> [Int] {
    try read { db in
      try Int.fetchAll(
        db,
        sql: """
          SELECT version FROM checkpoint WHERE path_id = (SELECT id FROM path WHERE name = ?)
          ORDER BY version DESC LIMIT ?
          """, arguments: [path, limit])
    }
  }

  /// Names of runs that begin with `prefix`.
  public func runNames(beginningWith prefix: String, limit: Int) throws -> [String] {
    try names("SELECT name FROM run WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", prefix, limit)
  }

  /// Tags that begin with `prefix`.
  public func tagNames(beginningWith prefix: String, limit: Int) throws -> [String] {
    try names("SELECT name FROM tag WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", prefix, limit)
  }

  /// Names of metrics that begin with `prefix`.
  public func metricNames(beginningWith prefix: String, limit: Int) throws -> [String] {
    try names("SELECT DISTINCT name FROM metric WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", prefix, limit)
  }

  /// Names of tensors, of whatever checkpoint, that begin with `prefix`.
  public func tensorNames(beginningWith prefix: String, limit: Int) throws -> [String] {
    try names("SELECT name FROM tensor_name WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", prefix, limit)
  }

  /// No name has a larger scalar value in it: what begins with a prefix lies between that and it followed by this.
  private static let largest = "\u{10FFFF}"

  private func names(_ sql: String, _ prefix: String, _ limit: Int) throws -> [String] {
    try read { db in try String.fetchAll(db, sql: sql, arguments: [prefix, prefix + Self.largest, limit]) }
  }
}
