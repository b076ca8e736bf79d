import GRDBSQLite

/// What a failed call of SQLite's was about, for whoever wrote the SQL.
struct QueryFailure {
  let error: CairnError

  init(_ connection: QueryConnection, _ code: Int32, sql: String = "", limits: QueryLimits = QueryLimits()) {
    let message = String(cString: sqlite3_errmsg(connection.handle))
    let guardian = connection.guardian
    if code & 0xFF == SQLITE_INTERRUPT { guardian.lookAtClock() }
    switch guardian.stop {
    case .time:
      error = CairnError(
        .cancelled, "the query was stopped after \(Self.seconds(limits.seconds))",
        advice: "ask for less, for example with a WHERE, or give it more time")
      return
    case .memory:
      error = CairnError(.cancelled, "the query was stopped: it takes too much memory", advice: "ask for less")
      return
    case .cancelled:
      error = CairnError(.cancelled, "the query was stopped")
      return
    case nil: break
    }
    // Not by the code: what the authorizer refuses while something is parsed in between comes as another error.
    if let refused = guardian.refused {
      if refused == QueryGuard.schemaChange, let found = Self.notOffered(sql) {
        error = found
        return
      }
      error = CairnError(.invalid, "\(refused) is refused: a query only reads", advice: "use SELECT")
      return
    }
    switch code & 0xFF {
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      error = CairnError.damaged(IndexFile.fileName, message, advice: "run `cairn reindex`")
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PROTOCOL:
      error = CairnError(.io, "\(IndexFile.fileName): \(message)", advice: "try again")
    case SQLITE_FULL: error = CairnError(.noSpace, "the query needs more room for temporary files: \(message)")
    case SQLITE_NOMEM, SQLITE_TOOBIG:
      error = CairnError(.cancelled, "the query was stopped: \(message)", advice: "ask for less")
    default:
      var found = CairnError(.invalid, message, advice: Self.advice(message, sql))
      let offset = Int(sqlite3_error_offset(connection.handle))
      if offset >= 0, offset <= sql.utf8.count { found.excerpt = .init(text: sql, range: offset..<offset) }
      error = found
    }
  }

  /// What a statement is told that changes nothing, and uses a virtual table of SQLite's that is refused; nil for others.
  private static func notOffered(_ sql: String) -> CairnError? {
    let words = sql.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    guard let verb = words.first, ["select", "with", "values", "explain"].contains(verb) else { return nil }
    let named = virtualTables.first { words.contains($0) }.map { "the virtual table \($0)" }
    return CairnError(
      .invalid, "\(named ?? "a virtual table") is not offered to queries", advice: advice("no such table", sql))
  }

  /// Those that SQLite may have been built with (sqlite.org/vtablist.html).
  private static let virtualTables: [Substring] = [
    "dbstat", "sqlite_dbpage", "sqlite_dbdata", "sqlite_dbptr", "sqlite_stmt", "bytecode", "tables_used",
    "generate_series", "fsdir", "completion", "fts3tokenize", "fts5vocab", "carray", "prefixes", "zipfile",
  ]

  private static func seconds(_ limit: Double?) -> String {
    guard let limit else { return "a while" }
    return limit == limit.rounded() && abs(limit) < 1e15 ? "\(Int(limit)) s" : "\(limit) s"
  }

  /// Which names there are, where one was not known.
  private static func advice(_ message: String, _ sql: String) -> String {
    if message.hasPrefix("no such table") {
      return "the views are " + QueryView.all.map(\.name).joined(separator: ", ")
    }
    guard message.hasPrefix("no such column") else { return "" }
    let words = Set(sql.lowercased().split { !$0.isLetter && $0 != "_" }.map(String.init))
    let named = QueryView.all.filter { words.contains($0.name) }
    let columns = named.map { "\($0.name) has \($0.columns.map(\.name).joined(separator: ", "))" }
    return (["text goes in single quotes"] + columns).joined(separator: "; ")
  }
}
