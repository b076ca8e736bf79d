import GRDB

/// Which file the index's database is, and of which time: kept in the database by every transaction.
///
/// Somebody may put yesterday's index.sqlite in the place of today's and leave today's -wal beside it. SQLite would lay
/// the newer pages over the older file and call it sound. A WAL is emptied before the lock is released; where that was
/// not possible (a reader was at work, the process died), the stamp in it tells whether it belongs to the file.
enum IndexStamp {
  /// Notes the file as it is: a transaction in WAL mode does not change it, only a checkpoint does.
  static func write(_ db: Database, path: String) throws {
    try db.cachedStatement(sql: "UPDATE log_position SET main_file = ? WHERE id = 1").execute(arguments: [current(path)]
    )
  }

  /// Whether the index can be read together with the WAL that lies beside it.
  static func isSound(_ queue: DatabaseQueue, path: String) throws -> Bool {
    // What was not committed counts for nothing, and has no stamp.
    guard try WriteAheadLog.hasCommit(path + "-wal") else { return true }
    let noted = try queue.read { try String.fetchOne($0, sql: "SELECT main_file FROM log_position WHERE id = 1") }
    return try noted == current(path)
  }

  /// Moves what is in the WAL into the file and empties it. A reader at work keeps it from that; then the stamp is
  /// written again, since the file may have changed.
  static func emptyWAL(_ queue: DatabaseQueue, path: String) {
    guard let size = try? Files.status(path + "-wal")?.size, size > 0 else { return }
    do {
      try queue.writeWithoutTransaction { db in
        // A reader must not hold up everybody who waits for the lock.
        try db.execute(sql: "PRAGMA busy_timeout = 0")
        defer { try? db.execute(sql: "PRAGMA busy_timeout = 30000") }
        try db.checkpoint(.truncate)
      }
    } catch {
      // The work is done and stays done; a WAL that does not fit the file is only a reason to make the index anew.
      try? queue.write { try write($0, path: path) }
    }
  }

  /// The stamp of the file that is at its path now; nil if there is none.
  static func current(_ path: String) throws -> String? {
    guard let status = try Files.status(path) else { return nil }
    let (identity, time) = (status.identity, status.modifiedNanoseconds)
    return "\(identity.device):\(identity.inode):\(status.size):\(status.modified).\(time)"
  }
}
