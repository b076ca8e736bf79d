import GRDB
import GRDBSQLite

/// A prepared statement that runs tens of thousands of times in one save: bound, stepped and read by SQLite's own
/// functions, without the arrays and rows that GRDB makes for each run, which take longer than the run.
///
/// For one thread and one transaction. Indexes of arguments begin at 1, those of columns at 0, as SQLite has them.
struct RapidStatement {
  private let db: Database
  private let statement: Statement
  private let handle: OpaquePointer

  init(_ db: Database, _ sql: String) throws {
    self.db = db
    statement = try db.cachedStatement(sql: sql)
    handle = statement.sqliteStatement
  }

  func bind(_ index: Int32, _ value: Int64) throws { try check(sqlite3_bind_int64(handle, index, value)) }

  func bind(_ index: Int32, _ value: Int) throws { try bind(index, Int64(value)) }

  func bind(_ index: Int32, _ value: Int64?) throws {
    if let value { try bind(index, value) } else { try check(sqlite3_bind_null(handle, index)) }
  }

  func bind(_ index: Int32, _ digest: Digest) throws {
    try digest.withBigEndianBytes { try bind(index, $0) }
  }

  func bind(_ index: Int32, _ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try bind(index, $0) } }

  func bind(_ index: Int32, _ text: String) throws {
    var text = text
    try text.withUTF8 { utf8 in
      try utf8.withMemoryRebound(to: CChar.self) {
        // What has no bytes may have no address, which would bind NULL.
        try check(
          sqlite3_bind_text(handle, index, $0.baseAddress ?? Self.nothing, Int32(clamping: $0.count), Self.copying))
      }
    }
  }

  private func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) throws {
    guard let start = bytes.baseAddress else { return try check(sqlite3_bind_zeroblob(handle, index, 0)) }
    try check(sqlite3_bind_blob(handle, index, start, Int32(clamping: bytes.count), Self.copying))
  }

  private static var nothing: UnsafePointer<CChar> {
    UnsafeRawPointer(StaticString("").utf8Start).assumingMemoryBound(to: CChar.self)
  }

  /// SQLITE_TRANSIENT: SQLite takes a copy.
  private static let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  /// Runs it to its end.
  func run() throws {
    defer { sqlite3_reset(handle) }
    while try step() {}
  }

  /// Runs it up to the first row, which `read` looks at; nil if there is none.
  func first<Result>(_ read: (RapidStatement) throws -> Result) throws -> Result? {
    defer { sqlite3_reset(handle) }
    return try step() ? read(self) : nil
  }

  /// Runs it to its end; `read` looks at each row.
  func forEach(_ read: (RapidStatement) throws -> Void) throws {
    defer { sqlite3_reset(handle) }
    while try step() { try read(self) }
  }

  /// A column of the row.
  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  /// A column of the row; nil if it is NULL.
  func optionalInteger(_ column: Int32) -> Int64? {
    sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : integer(column)
  }

  /// A column of the row, its bytes where SQLite has them.
  func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    let start = sqlite3_column_blob(handle, column)
    return try body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }

  /// A column of the row; nil if it holds no digest.
  func digest(_ column: Int32) -> Digest? { withBytes(column) { Digest(bytes: $0) } }

  private func step() throws -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    guard code == SQLITE_DONE else { throw failure(code) }
    return false
  }

  private func check(_ code: Int32) throws {
    if code != SQLITE_OK { throw failure(code) }
  }

  private func failure(_ code: Int32) -> DatabaseError {
    DatabaseError(
      resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage, sql: statement.sql)
  }
}

/// The statements of one piece of work, each prepared at its first use.
final class RapidStatements {
  let db: Database
  private var prepared: [UnsafePointer<UInt8>: RapidStatement] = [:]

  init(_ db: Database) { self.db = db }

  /// The statement of a literal, known by where that is: hashing SQL takes as long as running it.
  subscript(sql: StaticString) -> RapidStatement {
    get throws {
      if let known = prepared[sql.utf8Start] { return known }
      let statement = try RapidStatement(db, sql.description)
      prepared[sql.utf8Start] = statement
      return statement
    }
  }
}
