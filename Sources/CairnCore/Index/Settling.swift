import Foundation
import GRDB
import Glibc
import Synchronization

extension Repository {
  /// Told how much of how much has been done, from any thread.
  public typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

  /// Runs `body` with the repository's lock held and its index settled.
  ///
  /// `checkCancelled`, if given, is called again and again while this waits for the lock; what it throws is thrown.
  func locked<Result>(
    checkCancelled: (() throws -> Void)? = nil, _ body: (inout LockedRepository) throws -> Result
  ) throws -> Result {
    try namingIndex(indexPath) { try settled(checkCancelled, body) }
  }

  private func settled<Result>(
    _ checkCancelled: (() throws -> Void)?, _ body: (inout LockedRepository) throws -> Result
  ) throws -> Result {
    let lock = try acquireLock(checkCancelled: checkCancelled)
    defer { lock.release() }
    let log = try Log(repository: path)
    var settled = try settle(log)
    defer { if settled.isLasting { IndexStamp.emptyWAL(settled.index, path: indexPath) } }
    do {
      return try body(&settled)
    } catch let error where isDamage(ofIndex: error) && !settled.hasAppended {
      logger.warning("\(indexPath): damaged (\(error)); it is moved aside and rebuilt from the log")
      settled = try rebuild(log, applied: settled.position.bytes)
      return try body(&settled)
    }
  }

  /// Takes the repository's lock, and looks whether it still is this repository: a trainer lives for weeks, in which
  /// somebody may have migrated it, or put another in its place.
  func acquireLock(checkCancelled: (() throws -> Void)? = nil) throws -> FileLock {
    try requireServingLocks()
    let lock = try FileLock.acquire(path + "/lock", mode: modes.file, whileWaiting: checkCancelled) {
      logger.notice("waiting for the lock of \(path): another process is writing to the repository")
    }
    guard try RepositoryConfiguration.read(path).id == configuration.id else {
      throw CairnError(.notARepository, "\(path): another repository has taken its place", advice: "open it anew")
    }
    return lock
  }

  /// Throws if the filesystem's locks are local to one host: it need not be the one that `init` has seen.
  private func requireServingLocks() throws {
    if isOnTrustedLocks.load(ordering: .relaxed) { return }
    let mode = try Filesystem.journalMode(for: path)
    if isOnTrustedLocks.exchange(true, ordering: .relaxed) { return }
    if mode == .delete, configuration.journal == .wal {
      logger.warning(
        "\(path): is on a network filesystem, and its index has a write-ahead log: use it from one host at a time only")
    }
  }

  /// Brings the index up to the log; on a full disk a copy of it in memory, so that what is no longer needed can still be
  /// found and unlinked.
  private func settle(_ log: Log) throws -> LockedRepository {
    do {
      return try settleOnDisk(log)
    } catch let error where isNoSpace(error) {
      logger.warning("\(indexPath): cannot follow the log (\(error)): a copy in memory does")
      return try settleInMemory(log)
    }
  }

  private func settleOnDisk(_ log: Log) throws -> LockedRepository {
    var applied = 0
    do {
      if let connection = try writerConnection(), try IndexFile.isIndex(connection.queue) {
        try IndexFile.checkNotNewer(connection.queue, path: indexPath)
        if try !IndexStamp.isSound(connection.queue, path: indexPath) {
          logger.warning(
            "\(indexPath): is not the file that its write-ahead log belongs to; it is rebuilt from the log")
        } else if try IndexFile.refusesWrites(connection.queue, path: indexPath) {
          logger.warning("\(indexPath): damaged (SQLite does not write to it); it is rebuilt from the log")
        } else if let position = try position(of: connection.queue) {
          try IndexFile.migrate(connection.queue, path: indexPath)
          applied = try self.applied(position, of: log)
          if try log.holds(position) { return try catchUp(log, connection.queue, from: position) }
        }
      }
    } catch let error where isDamage(ofIndex: error) {
      logger.warning("\(indexPath): damaged (\(error)); it is moved aside and rebuilt from the log")
    }
    return try rebuild(log, applied: applied)
  }

  private func settleInMemory(_ log: Log) throws -> LockedRepository {
    let memory = try DatabaseQueue()
    if let connection = try? writerConnection(), (try? IndexFile.isIndex(connection.queue)) == true,
      (try? IndexStamp.isSound(connection.queue, path: indexPath)) == true,
      (try? connection.queue.backup(to: memory)) != nil, let position = try? position(of: memory),
      try log.holds(position)
    {
      try IndexFile.migrator.migrate(memory)
      return try catchUp(log, memory, from: position, isLasting: false)
    }
    let fresh = try DatabaseQueue()
    let tail = try wholeLog(log, applied: 0)
    try fill(fresh, from: tail, progress: nil)
    return LockedRepository(
      repository: self, log: log, index: fresh, packs: Packs(blobs: blobs), position: tail.end, isLasting: false)
  }

  /// How far an index of this repository has come; nil if it is another's, or empty.
  func position(of index: DatabaseQueue) throws -> Log.Position? {
    try index.read { try position(in: $0) }
  }

  /// How far the index that is being read has come.
  func position(in db: Database) throws -> Log.Position? {
    let row = try Row.fetchOne(db, sql: "SELECT repository, bytes, last_line, chain FROM log_position WHERE id = 1")
    guard let row, try row.value(0) as String == configuration.id, let chain = try Digest(bytes: row.value(3) as Data)
    else { return nil }
    return try Log.Position(bytes: row.value(1), lastLine: row.value(2), chain: chain)
  }

  private func catchUp(
    _ log: Log, _ index: DatabaseQueue, from position: Log.Position, isLasting: Bool = true
  ) throws -> LockedRepository {
    let tail = try log.tail(from: position)
    if tail.isTorn { try log.cut(to: tail.end) }
    // Before anything is done on their word: nobody knows whether an earlier fsync of these lines succeeded.
    if !tail.lines.isEmpty { try log.rewrite(tail.lines, at: position.bytes) }
    let packs = Packs(blobs: blobs)
    let hasUnreadable = try index.read {
      try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM manifest WHERE state > 0 AND state = 2 AND refs > 0)")
        ?? false
    }
    if !tail.lines.isEmpty || hasUnreadable {
      try index.write { db in
        let writer = IndexWriter(db: db, blobs: blobs, packs: packs)
        for line in tail.lines { try writer.apply(line.entry) }
        try writer.retryUnreadable()
        try writer.setPosition(tail.end, repository: configuration.id)
        try IndexStamp.write(db, path: indexPath)
      }
    }
    return LockedRepository(
      repository: self, log: log, index: index, packs: packs, position: tail.end, isLasting: isLasting)
  }

  /// Makes the index anew from the whole log, of which one had come to byte `applied`.
  private func rebuild(_ log: Log, applied: Int, progress: Progress? = nil) throws -> LockedRepository {
    let tail = try wholeLog(log, applied: applied)
    let directory = try WriterDirectory(repository: path, modes: modes)
    let built = directory.path + "/" + IndexFile.fileName
    try build(built, from: tail, progress: progress)
    try moveIndexAside()
    // A filesystem may reorder renames: a stale -wal must not meet the new file.
    try Files.syncDirectory(path)
    try Files.rename(built, to: indexPath)
    try Files.syncDirectory(path)
    try directory.remove()
    guard let connection = try writerConnection() else { throw CairnError.system("open", indexPath, ENOENT) }
    return LockedRepository(
      repository: self, log: log, index: connection.queue, packs: Packs(blobs: blobs), position: tail.end)
  }

  /// All lines of the log, the last one made durable once more.
  private func wholeLog(_ log: Log, applied: Int) throws -> Log.Tail {
    let tail = try log.tail(from: Log.Position())
    guard let first = tail.lines.first, first.entry.op == .initialized, first.entry.id == configuration.id else {
      throw Log.damage(logPath, "its first line does not name this repository")
    }
    guard applied <= tail.end.bytes else {
      throw Log.damage(logPath, "the line at byte \(tail.end.bytes), which the index has, is not what was written")
    }
    if tail.isTorn { try log.cut(to: tail.end) }
    if let last = tail.lines.last { try log.rewrite([last], at: tail.end.lastLine) }
    return tail
  }

  private func build(_ file: String, from tail: Log.Tail, progress: Progress?) throws {
    var options = GRDB.Configuration()
    options.prepareDatabase { db in
      // Nothing is lost with a half-built index: it is renamed into place when it is whole.
      try db.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    }
    let queue = try DatabaseQueue(path: file, configuration: options)
    try fill(queue, from: tail, progress: progress)
    let verifications = verificationsKept()
    try queue.write { db in for time in verifications { try time.insert(db) } }
    if configuration.journal == .wal {
      try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
    }
    try queue.close()
    let opened = try OpenFile(file, O_RDWR)
    try opened.setMode(modes.file)
    try opened.sync()
  }

  private func fill(_ queue: DatabaseQueue, from tail: Log.Tail, progress: Progress?) throws {
    try IndexFile.migrate(queue, path: indexPath)
    try queue.write { db in
      let writer = IndexWriter(db: db, blobs: blobs, packs: Packs(blobs: blobs), memo: RowMemo())
      for (line, start) in zip(tail.lines, tail.starts) {
        try writer.apply(line.entry)
        progress?(start + line.bytes.count, tail.end.bytes)
      }
      try writer.setPosition(tail.end, repository: configuration.id)
    }
  }

  /// Takes what is at the index's path out of the way. Never renamed over: a process that has it open must see, by the
  /// file's identity, that it is another one, and a stale -wal would be read into the new one.
  func moveIndexAside() throws {
    for ending in ["", "-wal", "-shm", "-journal"] {
      _ = try Files.renameIfThere(indexPath + ending, to: indexPath + ".damaged" + ending)
    }
  }

  /// Makes the index anew from the log and the manifests, whatever state it is in.
  ///
  /// `progress` is told how many bytes of the log have been read, and how many it has.
  public func reindex(progress: Progress? = nil) throws {
    try namingIndex(indexPath) { try makeAnew(progress) }
  }

  private func makeAnew(_ progress: Progress?) throws {
    let lock = try acquireLock()
    defer { lock.release() }
    let log = try Log(repository: path)
    var applied = 0
    do {
      if let connection = try writerConnection(), try IndexFile.isIndex(connection.queue) {
        try IndexFile.checkNotNewer(connection.queue, path: indexPath)
        if let position = try position(of: connection.queue) { applied = try self.applied(position, of: log) }
      }
    } catch let error where isDamage(ofIndex: error) {
      // That is what reindexing is for.
    }
    _ = try rebuild(log, applied: applied, progress: progress)
  }

  /// How many bytes of the log an index has applied. Throws if they are no longer all there: then the index knows more
  /// than the log.
  private func applied(_ position: Log.Position, of log: Log) throws -> Int {
    let size = try log.size()
    if position.bytes <= size { return position.bytes }
    // All that the index has applied is there: it is the number in it that has changed.
    if try log.tail(from: Log.Position()).end.chain == position.chain { return size }
    throw Log.damage(logPath, "it is shorter than the index has come (\(size) of \(position.bytes) bytes)")
  }

  /// Reads from the index, in one short transaction, after it has caught up with the log.
  ///
  /// Where this user may not write, an index that is behind is read as it is, with a warning.
  func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try namingIndex(indexPath) { try readSettled(body) }
  }

  private func readSettled<Result>(_ body: (Database) throws -> Result) throws -> Result {
    for attempt in 0..<3 {
      guard let connection = try readerIfIntact() else {
        guard isWritable else {
          throw CairnError(
            .readOnly, "\(indexPath): there is no usable index, and the repository cannot be written to make one",
            advice: "run `cairn reindex` as a user who may write to it")
        }
        try locked { _ in }
        continue
      }
      do {
        try IndexFile.checkNotNewer(connection.queue, path: indexPath)
        if try isBehind(connection.queue) {
          if isWritable {
            try locked { _ in }
            continue
          }
          // A private copy may be older than the index itself.
          dropReader()
          if attempt == 0 { continue }
          logger.warning("\(indexPath): the index is behind the log, and this user may not bring it up to date")
        }
        return try connection.queue.read(body)
      } catch let error where isDamage(ofIndex: error) && isWritable && attempt == 0 {
        logger.warning("\(indexPath): damaged (\(error)); it is moved aside and rebuilt from the log")
        try reindex()
      } catch let error where isUnfinishedTransaction(error) && isWritable {
        try locked { _ in }
      }
    }
    // Others write all the time: what the index says now is as good as what it will say in a moment.
    guard let connection = try readerConnection() else { throw CairnError.system("open", indexPath, ENOENT) }
    return try connection.queue.read(body)
  }

  private func readerIfIntact() throws -> IndexFile.Connection? {
    do {
      guard let connection = try readerConnection(), try IndexFile.isIndex(connection.queue) else { return nil }
      let usable = try connection.queue.read { try IndexFile.migrator.hasCompletedMigrations($0) }
      return usable ? connection : nil
    } catch let error where isDamage(ofIndex: error) || isUnfinishedTransaction(error) {
      return nil
    }
  }

  private func isBehind(_ index: DatabaseQueue) throws -> Bool {
    // Opened: a network filesystem answers a plain stat from what it remembers.
    let size = try Log(readingOnly: path).size()
    return try position(of: index)?.bytes != size
  }
}
