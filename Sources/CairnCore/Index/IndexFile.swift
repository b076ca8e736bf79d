import CairnMigrations
import CairnSystem
import GRDB
import GRDBSQLite
import Glibc

/// Opening `index.sqlite`.
enum IndexFile {
  static let fileName = "index.sqlite"

  /// An open connection, and which file of which time it is open on: another may come to its path.
  struct Connection: Sendable {
    let queue: DatabaseQueue
    let stamp: String
  }

  /// Opens the index; nil if there is none. A writable connection is for those who hold the repository's lock.
  static func open(_ path: String, readonly: Bool) throws -> Connection? {
    guard let before = try Files.status(path) else { return nil }
    let stamp = try IndexStamp.current(path)
    var configuration = GRDB.Configuration()
    configuration.readonly = readonly
    configuration.busyMode = .timeout(30)
    configuration.prepareDatabase { db in
      // A checkpoint of the WAL is a write to the index, and closing happens without the lock.
      let code = cairn_sqlite_no_checkpoint_on_close(UnsafeMutableRawPointer(db.sqliteConnection))
      guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
      // Nor when SQLite thinks it is time: between the stamp in a transaction and the end of it.
      try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
      if readonly { return }
      // A save touches a page or two of a large index for each tensor: what does not fit is written to the WAL twice.
      try db.execute(sql: "PRAGMA cache_size = -65536")
      // Once a statement's own journal has outgrown memory, those of all statements after it go to a file: four pages for
      // each tensor.
      try db.execute(sql: "PRAGMA temp_store = MEMORY")
      // Debian's SQLite writes zeros over what is deleted, which the log has anyway.
      try db.execute(sql: "PRAGMA secure_delete = OFF")
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    guard let after = try Files.status(path), after.identity == before.identity else { return nil }
    return Connection(queue: queue, stamp: stamp ?? "")
  }

  /// Whether the migrations of any Cairn have been here: another program's database is no index.
  static func isIndex(_ queue: DatabaseQueue) throws -> Bool {
    guard let first = Migrations.steps.first else { return false }
    return try queue.read { db in
      try db.tableExists("grdb_migrations")
        && Bool.fetchOne(
          db, sql: "SELECT EXISTS (SELECT 1 FROM grdb_migrations WHERE identifier = ?)", arguments: [first.name])
          ?? false
    }
  }

  /// Whether SQLite does not write to a file that this user may write to: a byte of its header has changed, which says
  /// that a newer SQLite has made it. After the first read.
  static func refusesWrites(_ queue: DatabaseQueue, path: String) throws -> Bool {
    let isReadOnly = try queue.read { sqlite3_db_readonly($0.sqliteConnection, "main") == 1 }
    return isReadOnly && access(path, W_OK) == 0
  }

  static let migrator: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    for step in Migrations.steps {
      migrator.registerMigration(step.name) { db in
        try db.execute(sql: step.sql)
        // Packed lists are beyond SQL.
        if step.name == "0002_lookups" { try LookupLists.fill(db) }
      }
    }
    return migrator
  }()

  /// Brings the schema to this Cairn's version, a step a transaction. Throws if a newer Cairn has been here.
  static func migrate(_ queue: DatabaseQueue, path: String) throws {
    try checkNotNewer(queue, path: path)
    if try queue.read({ try migrator.hasCompletedMigrations($0) }) { return }
    try migrator.migrate(queue)
    // What the steps wrote belongs to the file as it is, also to one that was copied here since its last line.
    try queue.write { try IndexStamp.write($0, path: path) }
  }

  /// Throws if a newer Cairn has migrated the index.
  static func checkNotNewer(_ queue: DatabaseQueue, path: String) throws {
    let (isSuperseded, isComplete) = try queue.read { db in
      (try migrator.hasBeenSuperseded(db), try migrator.hasCompletedMigrations(db))
    }
    if isSuperseded {
      // A newer one has taken all of this one's steps: with another name for one of them it is damage.
      guard isComplete else {
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "it names a migration that there is not")
      }
      throw CairnError(
        .newerFormat, "\(path): a newer Cairn has migrated this index", advice: "use a newer Cairn")
    }
  }
}
