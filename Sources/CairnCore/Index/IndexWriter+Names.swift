import Foundation
import GRDB

/// Lines that change what checkpoints are called and what is said of them: no count changes, and no blob.
extension IndexWriter {
  /// The old path keeps the number of its last version, so that none of its numbers is given again; the new one goes on
  /// where the versions that came to it end.
  func move(_ entry: LogEntry) throws {
    guard let path = entry.path, let newPath = entry.newPath else {
      throw CairnError.damaged(Log.fileName, "the move \(entry.id) does not say from where to where")
    }
    if let version = entry.newVersion {
      let new = try pathID(newPath, version: version)
      try db.cachedStatement(sql: "UPDATE checkpoint SET path_id = ?, version = ? WHERE uid = ?")
        .execute(arguments: [new, version, entry.id])
      return
    }
    let find = try db.cachedStatement(sql: "SELECT id, last_version FROM path WHERE name = ?")
    guard let old = try Row.fetchOne(find, arguments: [path]) else { return }
    let shift = entry.shift ?? 0
    let new = try pathID(newPath, version: (old[1] as Int) &+ shift)
    try db.cachedStatement(sql: "UPDATE checkpoint SET path_id = ?, version = version + ? WHERE path_id = ?")
      .execute(arguments: [new, shift, old[0] as Int64])
  }

  func tag(_ entry: LogEntry) throws {
    guard let id = try checkpointID(entry.id) else { return }
    for tag in entry.tags ?? [] {
      try db.cachedStatement(
        sql: """
          INSERT INTO tag (name, checkpoint_id) VALUES (?, ?)
          ON CONFLICT (name) DO UPDATE SET checkpoint_id = excluded.checkpoint_id
          """
      ).execute(arguments: [tag, id])
    }
  }

  func untag(_ entry: LogEntry) throws {
    for tag in entry.tags ?? [] {
      try db.cachedStatement(sql: "DELETE FROM tag WHERE name = ?").execute(arguments: [tag])
    }
  }

  func annotate(_ entry: LogEntry) throws {
    guard let id = try checkpointID(entry.id) else { return }
    for name in entry.unsetMetrics ?? [] {
      try db.cachedStatement(sql: "DELETE FROM metric WHERE checkpoint_id = ? AND name = ?")
        .execute(arguments: [id, name])
    }
    for (name, value) in entry.metrics ?? [:] {
      try db.cachedStatement(
        sql: """
          INSERT INTO metric (checkpoint_id, name, value) VALUES (?, ?, ?)
          ON CONFLICT (checkpoint_id, name) DO UPDATE SET value = excluded.value
          """
      ).execute(arguments: [id, name, value])
    }
    guard entry.metadata != nil || entry.unsetMetadata != nil else { return }
    let find = try db.cachedStatement(sql: "SELECT metadata FROM checkpoint WHERE id = ?")
    var metadata: [String: JSONValue] = [:]
    if let text = try String.fetchOne(find, arguments: [id]),
      case .object(let members) = try JSONValue(parsing: text.utf8)
    {
      metadata = members
    }
    for key in entry.unsetMetadata ?? [] { metadata[key] = nil }
    metadata.merge(entry.metadata ?? [:]) { $1 }
    try db.cachedStatement(sql: "UPDATE checkpoint SET metadata = ? WHERE id = ?")
      .execute(arguments: [try json(metadata), id])
  }

  private func checkpointID(_ uid: String) throws -> Int64? {
    try Int64.fetchOne(db.cachedStatement(sql: "SELECT id FROM checkpoint WHERE uid = ?"), arguments: [uid])
  }
}
