import GRDBSQLite
import Glibc

extension Repository {
  /// Answers one `SELECT` over the views of ``QueryView``, and gives all rows at once.
  ///
  /// The SQL may come from anybody: it cannot write, attach files, change settings, load extensions, or go beyond
  /// `limits`. `arguments` are the values for its `?`. Throws ``CairnError``: ``CairnError/Kind/invalid`` for SQL that is
  /// wrong or does more than read, with the place in it as ``CairnError/offset``, ``CairnError/Kind/cancelled`` where a
  /// limit is reached.
  public func query(
    _ sql: String, arguments: [QueryValue] = [], limits: QueryLimits = QueryLimits()
  ) throws -> QueryResult {
    var result = QueryResult(columns: [], rows: [])
    try query(sql, arguments: arguments, limits: limits, columns: { result.columns = $0 }) { result.rows.append($0) }
    return result
  }

  /// As ``query(_:arguments:limits:)``, row by row: `columns` is told the names once, then `row` each row.
  ///
  /// `isCancelled` is asked every few microseconds whether to stop. All rows are of one state of the index, whatever is
  /// saved or removed meanwhile.
  public func query(
    _ sql: String, arguments: [QueryValue] = [], limits: QueryLimits = QueryLimits(),
    isCancelled: (() -> Bool)? = nil, columns: ([String]) throws -> Void, row: ([QueryValue]) throws -> Void
  ) throws {
    // The index catches up with the log, is made where there is none, and is looked at for a newer Cairn's hand.
    try read { _ in }
    let connection = try queryConnection(limits, isCancelled)
    let statement = try QueryStatement(sql, connection, arguments, limits: limits)
    try columns(statement.columns)
    while let values = try statement.next() { try row(values) }
  }

  private func queryConnection(_ limits: QueryLimits, _ isCancelled: (() -> Bool)?) throws -> QueryConnection {
    func open(_ file: String, _ flags: Int32) throws -> QueryConnection {
      try QueryConnection(file, flags: flags, limits: limits, isCancelled: isCancelled)
    }
    // With a rollback journal a reader keeps writers waiting, and this one may take its time: it reads a copy.
    if isWritable, configuration.journal == .wal { return try open(indexPath, SQLITE_OPEN_READONLY) }
    let opened = try IndexFile.withReadable(indexPath, lock: path + "/lock") { place in
      switch place {
      case .immutable(let uri): return try open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
      case .copy(let file): return try open(file, SQLITE_OPEN_READWRITE)
      }
    }
    guard let opened else { throw CairnError.system("open", indexPath, ENOENT) }
    return opened
  }

  /// Keeps SQLite from taking more memory than this in the whole process: for a program that does nothing else.
  public static func limitMemoryOfSQLite(to bytes: Int) { sqlite3_hard_heap_limit64(Int64(bytes)) }
}
