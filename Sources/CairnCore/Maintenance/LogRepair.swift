import Foundation
import GRDB
import Glibc

extension Repository {
  /// Writes a new log from the index if the log is lost or damaged; says what was done.
  ///
  /// Versions keep their numbers, ids, names, times and metadata; that something was removed, and by whom, is lost with
  /// the old log, which is kept beside the new one.
  func repairLog() throws -> [String] {
    let lock = try FileLock.acquire(path + "/lock", mode: modes.file) {
      logger.notice("waiting for the lock of \(path): another process is writing to the repository")
    }
    defer { lock.release() }
    let problem: String
    do {
      let tail = try Log(repository: path).tail(from: Log.Position())
      let isOurs = tail.lines.first?.entry.op == .initialized && tail.lines.first?.entry.id == configuration.id
      guard let index = try writerConnection() else {
        if isOurs { return [] }
        throw Log.damage(logPath, "there is no index to make it from")
      }
      let come = try index.queue.read { try Int.fetchOne($0, sql: "SELECT bytes FROM log_position") } ?? 0
      if isOurs, come <= tail.end.bytes { return [] }
      problem = isOurs ? "it was shorter than the index has come" : "its first line did not name this repository"
    } catch let error as CairnError where error.kind == .damaged {
      problem = error.message
    }
    guard let index = try writerConnection() else {
      throw Log.damage(logPath, "and there is no index to make it from: restore either from a backup")
    }
    try IndexFile.checkNotNewer(index.queue, path: indexPath)
    let lines = try index.queue.read { try linesOfIndex($0) }
    let new = path + "/tmp/" + Log.fileName
    try Files.makeDirectory(path + "/tmp", mode: modes.directory)
    let file = try OpenFile(new, O_WRONLY | O_CREAT | O_TRUNC, mode: modes.file)
    try file.setMode(modes.file)
    try file.write(lines.flatMap(\.bytes), at: 0)
    try file.sync()
    let aside = "\(logPath).damaged-\(timestamp(Date()))"
    let isKept = try Files.renameIfThere(logPath, to: aside)
    try Files.rename(new, to: logPath)
    try Files.syncDirectory(path)
    // The chain is another one, so whoever settles next rebuilds the index from it; do so now.
    close()
    _ = try Files.renameIfThere(indexPath, to: indexPath + ".before-repair")
    for ending in ["-wal", "-shm", "-journal"] {
      _ = try Files.renameIfThere(indexPath + ending, to: indexPath + ".before-repair" + ending)
    }
    return [
      "\(logPath): made anew from the index (\(problem))"
        + (isKept ? "; the old one is kept as \(aside)" : "")
    ]
  }

  private func linesOfIndex(_ db: Database) throws -> [LogLine] {
    var lines: [LogLine] = []
    func add(_ entry: LogEntry) throws { lines.append(try LogLine(entry, after: lines.last?.chain ?? .zero)) }
    try add(LogEntry(.initialized, id: configuration.id, by: .now()))
    for row in try Row.fetchAll(db, sql: "SELECT uid, name, created, metadata FROM run ORDER BY id") {
      var entry = LogEntry(.run, id: row[0], by: Origin(time: row[2], host: "", user: ""))
      entry.name = row[1]
      entry.metadata = try object(row[3])
      try add(entry)
    }
    let checkpoints = try Row.fetchAll(db, sql: CheckpointRecord.sql + " ORDER BY c.id")
    let runs = try Row.fetchAll(db, sql: "SELECT name, uid FROM run")
    let runIDs = Dictionary(uniqueKeysWithValues: runs.map { ($0[0] as String, $0[1] as String) })
    for row in checkpoints {
      let record = try CheckpointRecord(row)
      var entry = LogEntry(
        .saved, id: record.id, by: Origin(time: record.created, host: record.host, user: record.user))
      entry.path = record.path
      entry.version = record.version
      entry.manifest = record.manifest
      entry.run = record.run.flatMap { runIDs[$0] }
      entry.parent = record.parent
      entry.step = record.step
      entry.epoch = record.epoch
      entry.metrics = record.metrics.isEmpty ? nil : record.metrics
      entry.tags = record.tags.isEmpty ? nil : record.tags
      entry.metadata = record.metadata.isEmpty ? nil : record.metadata
      entry.newBytes = record.newBytes
      try add(entry)
    }
    for row in try Row.fetchAll(db, sql: "SELECT name, last_version FROM path ORDER BY id") {
      var entry = LogEntry(.versions, id: randomID(), by: .now())
      entry.path = row[0]
      entry.version = row[1]
      try add(entry)
    }
    return lines
  }

  private func object(_ text: String) throws -> [String: JSONValue]? {
    guard case .object(let members) = try JSONValue(parsing: text.utf8), !members.isEmpty else { return nil }
    return members
  }
}
