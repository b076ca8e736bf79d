import GRDBSQLite

/// One statement that somebody wrote, prepared and with its arguments.
final class QueryStatement {
  private let connection: QueryConnection
  private let statement: OpaquePointer
  private let sql: String
  private let limits: QueryLimits

  /// What SQLite takes for "copy this before you return".
  private static var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  init(_ sql: String, _ connection: QueryConnection, _ arguments: [QueryValue], limits: QueryLimits) throws {
    guard !sql.utf8.contains(0) else { throw CairnError(.invalid, "a NUL character in SQL") }
    self.connection = connection
    self.sql = sql
    self.limits = limits
    statement = try connection.guardian.working { try Self.prepare(sql, connection, limits) }
    try bind(arguments)
  }

  deinit { sqlite3_finalize(statement) }

  /// The only statement in `sql`. SQLite would leave what comes after the first unread.
  private static func prepare(
    _ sql: String, _ connection: QueryConnection, _ limits: QueryLimits
  ) throws -> OpaquePointer {
    try sql.withCString { start in
      var found: OpaquePointer?
      var rest: UnsafePointer<CChar>? = start
      while let next = rest, next.pointee != 0 {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(connection.handle, next, -1, 0, &statement, &rest)
        guard code == SQLITE_OK else {
          sqlite3_finalize(found)
          if found != nil { throw several }
          throw QueryFailure(connection, code, sql: sql, limits: limits).error
        }
        guard let statement else { continue }
        if found != nil {
          sqlite3_finalize(found)
          sqlite3_finalize(statement)
          throw several
        }
        found = statement
      }
      guard let found else { throw CairnError(.invalid, "there is no statement in the SQL", advice: "use SELECT") }
      guard sqlite3_stmt_readonly(found) != 0, sqlite3_column_count(found) > 0 else {
        sqlite3_finalize(found)
        throw CairnError(.invalid, "a query only reads, and gives rows", advice: "use SELECT")
      }
      return found
    }
  }

  private static var several: CairnError {
    CairnError(.invalid, "there are several statements in the SQL", advice: "give them one at a time")
  }

  private func bind(_ arguments: [QueryValue]) throws {
    let wanted = Int(sqlite3_bind_parameter_count(statement))
    guard wanted == arguments.count else {
      throw CairnError(.invalid, "the SQL takes \(wanted) arguments, and \(arguments.count) are given")
    }
    for (index, value) in arguments.enumerated() {
      let position = Int32(index + 1)
      let code: Int32
      switch value {
      case .null: code = sqlite3_bind_null(statement, position)
      case .integer(let number): code = sqlite3_bind_int64(statement, position, number)
      case .real(let number): code = sqlite3_bind_double(statement, position, number)
      case .text(let text):
        let count = UInt64(text.utf8.count)
        code = text.withCString {
          sqlite3_bind_text64(statement, position, $0, count, Self.transient, UInt8(SQLITE_UTF8))
        }
      case .blob(let bytes):
        code = bytes.withUnsafeBytes {
          $0.isEmpty
            ? sqlite3_bind_zeroblob(statement, position, 0)
            : sqlite3_bind_blob64(statement, position, $0.baseAddress, UInt64($0.count), Self.transient)
        }
      }
      guard code == SQLITE_OK else { throw QueryFailure(connection, code, sql: sql, limits: limits).error }
    }
  }

  var columns: [String] {
    (0..<sqlite3_column_count(statement)).map { index in
      sqlite3_column_name(statement, index).map { String(cString: $0) } ?? ""
    }
  }

  /// The next row; nil if there is none.
  func next() throws -> [QueryValue]? {
    let code = connection.guardian.working { sqlite3_step(statement) }
    // One instruction may have taken longer than all were allowed to.
    if connection.guardian.stop != nil { throw QueryFailure(connection, code, sql: sql, limits: limits).error }
    switch code {
    case SQLITE_ROW: return (0..<sqlite3_column_count(statement)).map(value)
    case SQLITE_DONE: return nil
    default: throw QueryFailure(connection, code, sql: sql, limits: limits).error
    }
  }

  private func value(_ index: Int32) -> QueryValue {
    switch sqlite3_column_type(statement, index) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
    case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, index))
    case SQLITE_TEXT:
      guard let text = sqlite3_column_text(statement, index) else { return .null }
      let count = Int(sqlite3_column_bytes(statement, index))
      return .text(String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self))
    case SQLITE_BLOB:
      guard let bytes = sqlite3_column_blob(statement, index) else { return .blob([]) }
      let count = Int(sqlite3_column_bytes(statement, index))
      return .blob([UInt8](UnsafeRawBufferPointer(start: bytes, count: count)))
    default: return .null
    }
  }
}
