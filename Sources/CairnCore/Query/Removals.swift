import GRDB

extension Repository {
  /// Who removed a checkpoint, and when: found in the log, which keeps it for good.
  func removal(of name: PathName) throws -> LogEntry? {
    // An evaluator that waits for its first checkpoint asks again and again: the log is long.
    let given = try read {
      try Int.fetchOne($0, sql: "SELECT last_version FROM path WHERE name = ?", arguments: [name.path])
    }
    guard let given, name.version ?? 1 <= given else { return nil }
    var saved: Set<String> = []
    var found: LogEntry?
    try forEachLogEntry { entry in
      if entry.op == .saved, entry.path == name.path, name.version == nil || entry.version == name.version {
        saved.insert(entry.id)
      }
      if entry.removes?.contains(where: saved.contains) == true { found = entry }
    }
    return found
  }

  /// Who removed the checkpoint with this id, and when; nil if nobody has, or there never was one.
  ///
  /// Found in the log, all of which is read.
  public func removal(ofID id: String) throws -> CheckpointRemoval? {
    var name: String?
    var found: LogEntry?
    try forEachLogEntry { entry in
      if entry.op == .saved, entry.id == id { name = "\(entry.path ?? "?")@\(entry.version ?? 0)" }
      if name != nil, entry.removes?.contains(id) == true { found = entry }
    }
    return found.map { CheckpointRemoval(id: id, name: name ?? "", time: $0.time, user: $0.user, host: $0.host) }
  }

  /// What was removed, by whom and when, the latest first: all that the log knows of, or that of some paths.
  public func removals(paths: [String] = [], limit: Int? = nil) throws -> [CheckpointRemoval] {
    var names: [String: (path: String, name: String)] = [:]
    var found: [CheckpointRemoval] = []
    try forEachLogEntry { entry in
      if entry.op == .saved, let path = entry.path, let version = entry.version {
        names[entry.id] = (path, "\(path)@\(version)")
      }
      for id in entry.removes ?? [] {
        // A second removal of the same one, by somebody who did not know of the first, is none.
        guard let saved = names.removeValue(forKey: id), paths.isEmpty || paths.contains(saved.path) else { continue }
        found.append(
          CheckpointRemoval(id: id, name: saved.name, time: entry.time, user: entry.user, host: entry.host))
      }
    }
    return Array(found.reversed().prefix(limit ?? .max))
  }

  private func forEachLogEntry(_ body: (LogEntry) -> Void) throws {
    guard let bytes = try Files.contents(logPath) else { return }
    var chain = Digest.zero
    var from = 0
    while from < bytes.count, let newline = bytes[from...].firstIndex(of: UInt8(ascii: "\n")),
      let line = try LogLine(parsing: bytes[from..<newline], after: chain)
    {
      body(line.entry)
      chain = line.chain
      from = newline + 1
    }
  }
}

/// Who removed a checkpoint, when and where.
public struct CheckpointRemoval: Sendable, Hashable {
  /// The checkpoint's id.
  public var id: String
  /// What it was called: `path@version`.
  public var name: String
  /// In UTC: ISO 8601 with milliseconds.
  public var time: String
  /// The user's name.
  public var user: String
  /// The host's name.
  public var host: String
}
