import GRDB

/// A repository whose lock is held and whose index has come to the end of the log.
struct LockedRepository {
  let repository: Repository
  let log: Log
  let index: DatabaseQueue
  private(set) var position: Log.Position
  /// Whether the index has come to ``position``: once it could not follow a line, it must not skip that one.
  private var indexFollows = true

  init(repository: Repository, log: Log, index: DatabaseQueue, position: Log.Position) {
    self.repository = repository
    self.log = log
    self.index = index
    self.position = position
  }

  /// Appends a line and makes it durable: from here it has happened. Then brings the index up to it.
  ///
  /// Returns a warning if the index cannot follow: the next one to take the lock catches up.
  mutating func commit(
    _ entry: LogEntry, known: IndexWriter.KnownManifest? = nil
  ) throws -> [String] {
    let line = try LogLine(entry, after: position.chain)
    position = try log.append(line, at: position)
    guard indexFollows else { return [] }
    do {
      try index.write { db in
        let writer = IndexWriter(db: db, blobs: repository.blobs, known: known)
        try writer.apply(entry)
        try writer.setPosition(position, repository: repository.configuration.id)
      }
      return []
    } catch {
      indexFollows = false
      return ["done, but the index could not follow (\(error)); the next command catches up"]
    }
  }
}
