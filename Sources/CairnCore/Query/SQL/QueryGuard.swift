import CairnSystem
import GRDBSQLite

/// What keeps somebody else's SQL from doing anything but reading, and from going on for ever: an authorizer
/// (sqlite.org/c3ref/set_authorizer.html) and a progress handler, both on for as long as the connection is open.
final class QueryGuard {
  /// Why a query was stopped.
  enum Stop {
    case time, memory, cancelled
  }

  private(set) var stop: Stop?
  /// What the authorizer has refused.
  private(set) var refused: String?
  private let limits: QueryLimits
  private let isCancelled: (() -> Bool)?
  private let memoryBefore = cairn_sqlite_memory()
  private var worked = Duration.zero
  private var since: ContinuousClock.Instant?
  private var watchdog: QueryWatchdog?

  /// How many instructions of SQLite's machine come between two looks at the clock. One instruction can take the memory
  /// of one value.
  private static let instructions: Int32 = 100

  init(_ limits: QueryLimits, isCancelled: (() -> Bool)?) {
    self.limits = limits
    self.isCancelled = isCancelled
  }

  func install(on connection: OpaquePointer) throws {
    if limits.seconds != nil { watchdog = try QueryWatchdog(connection) }
    let context = Unmanaged.passUnretained(self).toOpaque()
    sqlite3_set_authorizer(
      connection,
      { context, action, first, second, _, _ in
        guard let context else { return SQLITE_DENY }
        let this = Unmanaged<QueryGuard>.fromOpaque(context).takeUnretainedValue()
        return this.judge(action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
      }, context)
    sqlite3_progress_handler(
      connection, Self.instructions,
      { context in
        guard let context else { return 1 }
        return Unmanaged<QueryGuard>.fromOpaque(context).takeUnretainedValue().mayGoOn() ? 0 : 1
      }, context)
  }

  /// Before the connection is closed: nobody may interrupt it then.
  func uninstall() { watchdog = nil }

  /// Counts the time that `body` takes, which is interrupted when it is up.
  func working<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    since = start
    if let seconds = limits.seconds { watchdog?.begin(deadline: start + (.seconds(seconds) - worked)) }
    defer {
      watchdog?.end()
      since = nil
      worked += ContinuousClock.now - start
      lookAtClock()
    }
    return try body()
  }

  /// Notes it if the time is up.
  func lookAtClock() {
    if stop == nil, isTooLate { stop = .time }
  }

  private var isTooLate: Bool {
    guard let seconds = limits.seconds else { return false }
    return worked + (since.map { ContinuousClock.now - $0 } ?? .zero) > .seconds(seconds)
  }

  private func mayGoOn() -> Bool {
    if isCancelled?() == true {
      stop = .cancelled
    } else if isTooLate {
      stop = .time
    } else if cairn_sqlite_memory() - memoryBefore > Int64(limits.memory) {
      stop = .memory
    }
    return stop == nil
  }

  // MARK: What is allowed

  private func judge(_ action: Int32, _ first: String?, _ second: String?) -> Int32 {
    switch action {
    case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return SQLITE_OK
    case SQLITE_FUNCTION where !Self.refusedFunctions.contains((second ?? "").lowercased()): return SQLITE_OK
    case SQLITE_PRAGMA where Self.allowedPragmas.contains((first ?? "").lowercased()): return SQLITE_OK
    default:
      refused = refused ?? Self.words(action, first, second)
      return SQLITE_DENY
    }
  }

  /// They describe tables, and change nothing.
  static let allowedPragmas: Set = [
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
  ]

  /// They load code, touch files or write to the program's log. Most are in the shell only, or off; nothing hangs on
  /// that.
  private static let refusedFunctions: Set = [
    "load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "fsdir", "lsmode", "sqlite_log",
    "sqlite_rename_table", "sqlite_rename_column",
  ]

  /// What SQLite asks of for a change of the schema, and also for a virtual table that is used for the first time.
  private static let schemas = ["sqlite_master", "sqlite_temp_master"]
  static let schemaChange = "a change of the schema"

  private static func words(_ action: Int32, _ first: String?, _ second: String?) -> String {
    switch action {
    case SQLITE_INSERT: return "INSERT"
    case SQLITE_UPDATE where schemas.contains(first ?? ""): return schemaChange
    case SQLITE_UPDATE: return "UPDATE"
    case SQLITE_DELETE: return "DELETE"
    case SQLITE_TRANSACTION: return first ?? "a transaction"
    case SQLITE_SAVEPOINT: return "SAVEPOINT"
    case SQLITE_ATTACH: return "ATTACH"
    case SQLITE_DETACH: return "DETACH"
    case SQLITE_PRAGMA: return "PRAGMA \(first ?? "")"
    case SQLITE_FUNCTION: return "the function \(second ?? "")"
    case SQLITE_ANALYZE: return "ANALYZE"
    case SQLITE_REINDEX: return "REINDEX"
    case SQLITE_ALTER_TABLE: return "ALTER TABLE"
    default: return "a change of the schema"
    }
  }
}
