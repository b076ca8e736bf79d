import GRDB

extension Repository {
  /// What is wrong with the index: counts and lists; if `thorough`, also the database itself, and that it says what the
  /// log and the manifests say.
  func problemsOfIndex(thorough: Bool) throws -> [String] {
    let (wrong, said, end) = try readingCopy { db in
      var wrong = try Recount(db).wrong
      guard thorough else { return (wrong, nil as IndexContent?, nil as Log.Position?) }
      for found in try String.fetchAll(db, sql: "PRAGMA integrity_check") where found != "ok" {
        // One row may hold several lines, under a heading.
        wrong += found.split(separator: "\n").filter { !$0.hasPrefix("***") }.map(String.init)
      }
      return (wrong, try IndexContent(db), try position(in: db))
    }
    guard let said, let end else { return wrong }
    let told = try content(ofLogUpTo: end)
    return wrong
      + said.differences(from: told).map {
        "it says of \($0) otherwise than the log and the manifests: run `cairn reindex`"
      }
  }

  /// Reads the index in one transaction, in which nobody who saves is kept waiting.
  private func readingCopy<Result>(_ body: (Database) throws -> Result) throws -> Result {
    guard configuration.journal == .delete, let connection = try readerConnection() else { return try read(body) }
    // A reader keeps a rollback journal's writers from committing: a copy keeps nobody.
    do {
      let copy = try DatabaseQueue()
      try connection.queue.backup(to: copy)
      return try copy.read(body)
    } catch let error where isDamage(ofIndex: error) {
      // Found there first, it is mended where it is.
      return try read(body)
    } catch {
      throw named(error, index: indexPath)
    }
  }

  /// What an index says that is made now from the log up to there.
  private func content(ofLogUpTo end: Log.Position) throws -> IndexContent {
    // A temporary file of SQLite's own where it does not fit into memory.
    let made = try DatabaseQueue(path: "")
    try IndexFile.migrate(made, path: indexPath)
    let tail = try Log(readingOnly: path).tail(from: Log.Position())
    return try made.write { db in
      let writer = IndexWriter(db: db, blobs: blobs, packs: Packs(blobs: blobs), memo: RowMemo())
      for (line, start) in zip(tail.lines, tail.starts) where start < end.bytes { try writer.apply(line.entry) }
      return try IndexContent(db)
    }
  }
}
