import CairnSystem
import GRDBSQLite

/// `packed_ids(list)`: a table-valued function (sqlite.org/vtab.html) with a row, `value` and `position`, for each id of
/// a packed list.
enum PackedIDsTable {
  private static let listColumn: Int32 = 2

  /// SQLite's instances are allocated here; their first member is the one that SQLite knows.
  private struct Cursor {
    var base = sqlite3_vtab_cursor()
    var ids: [Int64] = []
    var at = 0
  }

  static func register(on connection: OpaquePointer) -> Int32 {
    sqlite3_create_module(connection, "packed_ids", module, nil)
  }

  /// Written once, here; SQLite only reads it.
  nonisolated(unsafe) private static let module: UnsafePointer<sqlite3_module> = {
    let module = UnsafeMutablePointer<sqlite3_module>.allocate(capacity: 1)
    var methods = sqlite3_module()
    methods.xConnect = { connection, _, _, _, table, _ in connect(connection, table) }
    methods.xBestIndex = { _, plan in choose(plan) }
    methods.xDisconnect = { table in
      table?.deallocate()
      return SQLITE_OK
    }
    methods.xOpen = { _, cursor in
      let new = UnsafeMutablePointer<Cursor>.allocate(capacity: 1)
      new.initialize(to: Cursor())
      cursor?.pointee = UnsafeMutableRawPointer(new).assumingMemoryBound(to: sqlite3_vtab_cursor.self)
      return SQLITE_OK
    }
    methods.xClose = { cursor in
      guard let cursor = own(cursor) else { return SQLITE_OK }
      cursor.deinitialize(count: 1)
      cursor.deallocate()
      return SQLITE_OK
    }
    methods.xFilter = { cursor, _, _, count, arguments in filter(cursor, count, arguments) }
    methods.xNext = { cursor in
      own(cursor)?.pointee.at += 1
      return SQLITE_OK
    }
    methods.xEof = { cursor in
      guard let cursor = own(cursor) else { return 1 }
      return cursor.pointee.at < cursor.pointee.ids.count ? 0 : 1
    }
    methods.xColumn = { cursor, context, column in
      guard let cursor = own(cursor), cursor.pointee.at < cursor.pointee.ids.count else { return SQLITE_OK }
      switch column {
      case 0: sqlite3_result_int64(context, cursor.pointee.ids[cursor.pointee.at])
      case 1: sqlite3_result_int64(context, Int64(cursor.pointee.at))
      default: sqlite3_result_null(context)
      }
      return SQLITE_OK
    }
    methods.xRowid = { cursor, row in
      row?.pointee = Int64(own(cursor)?.pointee.at ?? 0)
      return SQLITE_OK
    }
    module.initialize(to: methods)
    return UnsafePointer(module)
  }()

  private static func own(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> UnsafeMutablePointer<Cursor>? {
    cursor.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: Cursor.self) }
  }

  private static func connect(
    _ connection: OpaquePointer?, _ table: UnsafeMutablePointer<UnsafeMutablePointer<sqlite3_vtab>?>?
  ) -> Int32 {
    let code = sqlite3_declare_vtab(
      connection, "CREATE TABLE packed_ids (value INTEGER, position INTEGER, list HIDDEN)")
    guard code == SQLITE_OK else { return code }
    _ = cairn_sqlite_vtab_innocuous(connection.map { UnsafeMutableRawPointer($0) })
    let new = UnsafeMutablePointer<sqlite3_vtab>.allocate(capacity: 1)
    new.initialize(to: sqlite3_vtab())
    table?.pointee = new
    return SQLITE_OK
  }

  /// The list has to be known: nothing else can be looked up.
  private static func choose(_ plan: UnsafeMutablePointer<sqlite3_index_info>?) -> Int32 {
    guard let plan else { return SQLITE_MISUSE }
    for index in 0..<Int(plan.pointee.nConstraint) {
      let constraint = plan.pointee.aConstraint[index]
      guard constraint.iColumn == listColumn, constraint.op == UInt8(SQLITE_INDEX_CONSTRAINT_EQ) else { continue }
      guard constraint.usable != 0 else { return SQLITE_CONSTRAINT }
      plan.pointee.aConstraintUsage[index].argvIndex = 1
      plan.pointee.aConstraintUsage[index].omit = 1
      plan.pointee.estimatedCost = 1_000
      plan.pointee.estimatedRows = 1_000
      return SQLITE_OK
    }
    return SQLITE_CONSTRAINT
  }

  private static func filter(
    _ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?, _ count: Int32,
    _ arguments: UnsafeMutablePointer<OpaquePointer?>?
  ) -> Int32 {
    guard let cursor = own(cursor) else { return SQLITE_MISUSE }
    cursor.pointee.ids = []
    cursor.pointee.at = 0
    guard count == 1, let list = arguments?[0], let bytes = sqlite3_value_blob(list) else { return SQLITE_OK }
    let buffer = UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_value_bytes(list)))
    // Only a damaged list cannot be decoded, or one that somebody has made up: SQLite does not say which it was.
    guard let ids = try? PackedIDs.decode(buffer) else {
      say("packed_ids: this is no list of ids (if it is one of the index's, run `cairn reindex`)", cursor)
      return SQLITE_ERROR
    }
    cursor.pointee.ids = ids
    return SQLITE_OK
  }

  /// Leaves SQLite a message, which it frees.
  private static func say(_ message: String, _ cursor: UnsafeMutablePointer<Cursor>) {
    guard let table = cursor.pointee.base.pVtab else { return }
    sqlite3_free(table.pointee.zErrMsg)
    let bytes = message.utf8CString
    let copy = sqlite3_malloc(Int32(bytes.count))?.assumingMemoryBound(to: CChar.self)
    bytes.withUnsafeBufferPointer { text in
      if let start = text.baseAddress { copy?.update(from: start, count: text.count) }
    }
    table.pointee.zErrMsg = copy
  }
}
