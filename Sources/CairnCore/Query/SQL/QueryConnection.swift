import CairnSystem
import GRDBSQLite

/// A connection of its own to an index, for SQL that anybody may have written.
///
/// Not through GRDB: that has an authorizer and a transaction of its own, which hostile SQL can bring to a precondition.
final class QueryConnection {
  let handle: OpaquePointer
  let guardian: QueryGuard

  /// Opens `file`, which is a URI if `flags` say so, makes the views, and then lets nothing through but reading.
  init(_ file: String, flags: Int32, limits: QueryLimits, isCancelled: (() -> Bool)?) throws {
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(file, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nil)
    guard let opened else { throw CairnError(.io, "\(file): SQLite has no memory") }
    handle = opened
    guardian = QueryGuard(limits, isCancelled: isCancelled)
    guard code == SQLITE_OK else { throw QueryFailure(self, code).error }
    try prepare()
    try lockDown(limits)
  }

  deinit {
    guardian.uninstall()
    sqlite3_close_v2(handle)
  }

  /// The table-valued functions that a query may use.
  private static let tables =
    ["packed_ids(x'')", "json_each('[]')", "json_tree('[]')"] + QueryGuard.allowedPragmas.map { "pragma_\($0)('')" }

  private func prepare() throws {
    try check(cairn_sqlite_no_checkpoint_on_close(UnsafeMutableRawPointer(handle)))
    try check(sqlite3_busy_timeout(handle, 30_000))
    // What is sorted stays in memory, where the guard sees it, and never fills a disk. First, since it drops views.
    try check(sqlite3_exec(handle, "PRAGMA temp_store = MEMORY", nil, nil, nil))
    try check(PackedIDsTable.register(on: handle))
    try check(TensorBytesFunction.register(on: handle))
    // Read once at least: a private copy loses its name soon.
    try check(sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nil, nil, nil))
    // SQLite asks the authorizer for an UPDATE of the schema when one of these is used for the first time.
    for table in Self.tables { try check(sqlite3_exec(handle, "SELECT 1 FROM \(table) LIMIT 0", nil, nil, nil)) }
    for view in QueryView.all { try check(sqlite3_exec(handle, view.sql, nil, nil, nil)) }
    try check(sqlite3_exec(handle, "PRAGMA query_only = 1; PRAGMA cell_size_check = 1", nil, nil, nil))
  }

  /// A pattern of LIKE or GLOB takes as many steps as it and the text have bytes, multiplied, and all of them are one
  /// instruction, within which nothing stops it.
  private static let patternBytes: Int32 = 50

  /// As sqlite.org/security.html says for SQL and for database files from others.
  private func lockDown(_ limits: QueryLimits) throws {
    try check(cairn_sqlite_lock_down(UnsafeMutableRawPointer(handle)))
    let maximum = Int32(clamping: max(limits.valueBytes, 1 << 10))
    for (limit, value) in [
      (SQLITE_LIMIT_LENGTH, maximum), (SQLITE_LIMIT_SQL_LENGTH, min(maximum, 1_000_000)), (SQLITE_LIMIT_COLUMN, 500),
      (SQLITE_LIMIT_EXPR_DEPTH, 200), (SQLITE_LIMIT_COMPOUND_SELECT, 50), (SQLITE_LIMIT_VDBE_OP, 100_000),
      (SQLITE_LIMIT_FUNCTION_ARG, 32), (SQLITE_LIMIT_ATTACHED, 0),
      (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, Self.patternBytes),
      (SQLITE_LIMIT_VARIABLE_NUMBER, 1_000), (SQLITE_LIMIT_TRIGGER_DEPTH, 1), (SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
      sqlite3_limit(handle, limit, value)
    }
    try guardian.install(on: handle)
  }

  private func check(_ code: Int32) throws {
    if code != SQLITE_OK { throw QueryFailure(self, code).error }
  }
}
