import GRDB

extension Repository {
  /// How a name came to be no checkpoint's.
  enum Departure {
    case removed(LogEntry)
    /// The checkpoint with that id, the latest of several, is called `now`.
    case moved(LogEntry, id: String, now: PathName)
  }

  /// What became of the checkpoint that had a name: found in the log, which keeps it for good. Nil if none ever had it.
  func departure(of name: PathName) throws -> Departure? {
    // An evaluator that waits for its first checkpoint asks again and again: the log is long.
    let given = try read {
      try Int.fetchOne($0, sql: "SELECT last_version FROM path WHERE name = ?", arguments: [name.path])
    }
    guard let given, name.version ?? 1 <= given else { return nil }
    func isMeant(_ other: PathName) -> Bool {
      other.path.isExactly(name.path) && (name.version == nil || other.version == name.version)
    }
    var history = NameHistory()
    var found: Departure?
    try forEachLogEntry { entry in
      for event in history.follow(entry) {
        let now = event.to.map { name.version == nil ? PathName(path: $0.path) : $0 }
        if isMeant(event.from) {
          found = now.map { .moved(entry, id: event.id, now: $0) } ?? .removed(entry)
        } else if case .moved(let first, event.id, _) = found {
          // It has gone on from there.
          found = now.map { .moved(first, id: event.id, now: $0) } ?? .removed(entry)
        }
      }
    }
    return found
  }

  /// Who removed the checkpoint with this id, and when; nil if nobody has, or there never was one.
  ///
  /// Found in the log, all of which is read.
  public func removal(ofID id: String) throws -> CheckpointRemoval? {
    var history = NameHistory()
    var found: CheckpointRemoval?
    try forEachLogEntry { entry in
      for event in history.follow(entry) where event.id == id && event.to == nil {
        found = CheckpointRemoval(event, by: entry)
      }
    }
    return found
  }

  /// What was removed, by whom and when, the latest first: all that the log knows of, or what was ever called by one of
  /// some paths. The names are those at the time of the removal.
  public func removals(paths: [String] = [], limit: Int? = nil) throws -> [CheckpointRemoval] {
    var history = NameHistory()
    let paths = Set(paths.map { ExactName($0) })
    var wanted: Set<String> = []
    var found: [CheckpointRemoval] = []
    try forEachLogEntry { entry in
      for event in history.follow(entry) {
        if event.to != nil {
          if paths.contains(ExactName(event.from.path)) { wanted.insert(event.id) }
        } else if paths.isEmpty || wanted.contains(event.id) || paths.contains(ExactName(event.from.path)) {
          found.append(CheckpointRemoval(event, by: entry))
        }
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

  fileprivate init(_ event: NameHistory.Event, by entry: LogEntry) {
    id = event.id
    name = event.from.description
    time = entry.time
    user = entry.user
    host = entry.host
  }
}
