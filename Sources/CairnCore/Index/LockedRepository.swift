import GRDB

/// A repository whose lock is held and whose index has come to the end of the log.
struct LockedRepository {
  let repository: Repository
  let log: Log
  let index: DatabaseQueue
  /// The packs as they are while the lock is held.
  let packs: Packs
  /// Whether the index is the one on disk; false for a copy in memory, made because the disk is full.
  let isLasting: Bool
  private(set) var position: Log.Position
  /// Whether a line has been appended since the lock was taken, after which what is being done cannot be begun anew.
  /// That a run began does not count: whoever begins anew finds it.
  private(set) var hasAppended = false
  /// Whether the index has come to ``position``: once it could not follow a line, it must not skip that one.
  private var indexFollows = true

  init(
    repository: Repository, log: Log, index: DatabaseQueue, packs: Packs, position: Log.Position, isLasting: Bool = true
  ) {
    self.isLasting = isLasting
    self.repository = repository
    self.log = log
    self.index = index
    self.packs = packs
    self.position = position
  }

  /// Appends a line and makes it durable: from here it has happened. The index follows.
  ///
  /// What the line says is done in the index first, in a transaction that is committed once the line is durable: a line
  /// that no index could take must not be appended. Returns a warning if the index cannot follow for another reason (its
  /// disk is full): the next one to take the lock catches up.
  ///
  /// `indexLater` leaves the index behind on purpose, after a rehearsal.
  mutating func commit(
    _ entry: LogEntry, known: IndexWriter.KnownManifest? = nil, indexLater: Bool = false
  ) throws -> [String] {
    let line = try LogLine(entry, after: position.chain)
    guard indexFollows else {
      try append(line)
      return []
    }
    do {
      if indexLater {
        try rehearse(entry, known)
        try append(line)
        indexFollows = false
        return []
      }
      try index.write { db in
        let writer = IndexWriter(db: db, blobs: repository.blobs, packs: packs, known: known)
        try writer.apply(entry)
        try append(line)
        try writer.setPosition(position, repository: repository.configuration.id)
        try IndexStamp.write(db, path: repository.indexPath)
      }
      return []
    } catch let failure as AppendFailure {
      throw failure.error
    } catch {
      if position.chain != line.chain {
        if isDamage(ofIndex: error) { throw error }
        do { try append(line) } catch let failure as AppendFailure { throw failure.error }
      }
      indexFollows = false
      let reason = named(error, index: repository.indexPath)
      return ["done, but the index could not follow (\(reason)); the next command catches up"]
    }
  }

  /// Throws if the index could not take a line: has it do so, but for the rows below manifests, and takes that back. What
  /// a caller has given, and SQLite could refuse, is in the others.
  private func rehearse(_ entry: LogEntry, _ known: IndexWriter.KnownManifest?) throws {
    try index.inTransaction { db in
      var writer = IndexWriter(db: db, blobs: repository.blobs, packs: packs, known: known)
      writer.reachesBelowManifests = false
      try writer.apply(entry)
      return .rollback
    }
  }

  /// An error of the log's, not of the index's, in whose transaction it was thrown.
  private struct AppendFailure: Error { var error: any Error }

  private mutating func append(_ line: LogLine) throws {
    if line.entry.op != .run { hasAppended = true }
    do {
      position = try log.append(line, at: position)
    } catch {
      throw AppendFailure(error: error)
    }
  }

  /// Commits many saves at once: one transaction, and their lines written and made durable together. A process that dies
  /// meanwhile may leave some of the lines; each is a whole save.
  mutating func commitInBulk(_ saves: [BulkEntry]) throws {
    let naming = CheckpointNaming(repository: repository)
    try index.write { db in
      var end = position
      var bytes: [UInt8] = []
      let memo = RowMemo()
      for save in saves {
        let place = try naming.place(db, save.request, run: save.run)
        var entry = LogEntry(.saved, id: randomID(), by: .now())
        entry.take(save.request, place, run: save.run)
        entry.metrics = save.request.metrics.isEmpty ? nil : save.request.metrics
        entry.manifest = save.known.digest
        entry.newBytes = save.newBytes
        let line = try LogLine(entry, after: end.chain)
        try IndexWriter(db: db, blobs: repository.blobs, packs: packs, known: save.known, memo: memo)
          .apply(entry)
        end = Log.Position(bytes: end.bytes + line.bytes.count, lastLine: end.bytes, chain: line.chain)
        bytes += line.bytes
      }
      hasAppended = true
      try log.file.write(bytes, at: position.bytes)
      try log.file.sync()
      position = end
      try IndexWriter(db: db, blobs: repository.blobs, packs: packs)
        .setPosition(end, repository: repository.configuration.id)
      try IndexStamp.write(db, path: repository.indexPath)
    }
  }

  /// Changes the index in one transaction, otherwise than by a line of the log.
  func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try index.write { db in
      let result = try body(db)
      try IndexStamp.write(db, path: repository.indexPath)
      return result
    }
  }

  /// The rows of blobs and packs, in a transaction.
  func rows(_ db: Database) -> BlobRows { BlobRows(db: db, blobs: repository.blobs, packs: packs) }
}
