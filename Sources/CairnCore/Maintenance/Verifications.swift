import GRDB

/// When `verify` has last looked at what.
public struct VerificationTime: Sendable, Hashable {
  /// `files`, or `data`, or one part of the data: `data 2/7`.
  public var kind: String
  /// When it ended, in UTC: ISO 8601 with milliseconds.
  public var finished: String
  /// How many problems it has found.
  public var problems: Int

  static func all(_ db: Database) throws -> [VerificationTime] {
    try Row.fetchAll(db, sql: "SELECT kind, finished, problems FROM verification ORDER BY finished DESC, kind").map {
      try VerificationTime(kind: $0.value(0), finished: $0.value(1), problems: $0.value(2))
    }
  }

  func insert(_ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO verification (kind, finished, problems) VALUES (?, ?, ?)
        ON CONFLICT (kind) DO UPDATE SET finished = excluded.finished, problems = excluded.problems
        """, arguments: [kind, finished, problems])
  }
}

extension Repository {
  /// When what was last verified, the newest first. The log knows nothing of it: it is lost with the index.
  public func verifications() throws -> [VerificationTime] { try read { try VerificationTime.all($0) } }

  /// What the index at its path says of that, which is about to be made anew; nothing if it cannot be read.
  func verificationsKept() -> [VerificationTime] {
    guard let connection = try? IndexFile.open(indexPath, readonly: true) else { return [] }
    return (try? connection.queue.read { try VerificationTime.all($0) }) ?? []
  }
}
