import Foundation
import GRDB
import Glibc

extension Repository {
  /// Writes a new log from the index if the log is lost or damaged; says what was done.
  ///
  /// What the index has not applied is taken from the lines that can still be read. Versions keep their numbers; ids,
  /// names, times and metadata stay. That something was removed, and by whom, is lost with the old log, which is kept
  /// beside the new one.
  func repairLog() throws -> [String] {
    let lock = try acquireLock()
    defer { lock.release() }
    let index = try usableIndex()
    let come = try index.flatMap { try position(of: $0) }
    guard let problem = try problem(ofLogUnlike: come) else { return [] }

    let old = try Files.contents(logPath) ?? []
    let salvage = try LogSalvage(old)
    let directory = try WriterDirectory(repository: path, modes: modes)
    let database = try database(from: index, in: directory)
    let missed = salvage.lines.filter { line in
      line.entry.op != .initialized && come.map { line.start >= $0.bytes && holds(old, $0) } ?? true
    }
    let lines = try database.write { db in
      let writer = IndexWriter(db: db, blobs: blobs, packs: Packs(blobs: blobs))
      for line in missed { try writer.apply(line.entry) }
      return try linesOfIndex(db)
    }
    try database.close()
    let aside = try replaceLog(lines, directory)
    var report = "\(logPath): made anew (\(problem))"
    if let aside { report += "; the old one is kept as \(aside)" }
    if index == nil { report += "; there was no index, so it is from the \(salvage.lines.count) lines that were good" }
    if index == nil, salvage.lost > 0 { report += ", and what \(salvage.lost) bad ones said is lost" }
    return [report]
  }

  /// The index, if there is one that can be read and is not a newer Cairn's.
  private func usableIndex() throws -> DatabaseQueue? {
    do {
      guard let connection = try writerConnection(), try IndexFile.isIndex(connection.queue) else { return nil }
      try IndexFile.migrate(connection.queue, path: indexPath)
      let isSound = try IndexStamp.isSound(connection.queue, path: indexPath)
      return try isSound && position(of: connection.queue) != nil ? connection.queue : nil
    } catch let error where isDamage(ofIndex: error) {
      return nil
    }
  }

  /// What is wrong with the log; nil if nothing is.
  private func problem(ofLogUnlike come: Log.Position?) throws -> String? {
    do {
      let log = try Log(repository: path)
      let tail = try log.tail(from: Log.Position())
      guard tail.lines.first?.entry.op == .initialized, tail.lines.first?.entry.id == configuration.id else {
        return "its first line did not name this repository"
      }
      // With the same last line it is the index's number that is wrong.
      if let come, come.bytes > tail.end.bytes, come.chain != tail.end.chain {
        return "it was shorter than the index has come"
      }
      return nil
    } catch let error as CairnError where error.kind == .damaged {
      return error.message
    }
  }

  /// A copy of the index to work on, or an empty one.
  private func database(from index: DatabaseQueue?, in directory: WriterDirectory) throws -> DatabaseQueue {
    let copy = try DatabaseQueue(path: directory.path + "/" + IndexFile.fileName)
    if let index { try index.backup(to: copy) } else { try IndexFile.migrate(copy, path: directory.path) }
    return copy
  }

  /// Whether the line up to which the index has come is where it was in this log; otherwise nobody knows what of it the
  /// index has.
  private func holds(_ log: [UInt8], _ position: Log.Position) -> Bool {
    let head = position.lastLine..<position.lastLine + 2 * Digest.byteCount
    return head.upperBound <= log.count && String(decoding: log[head], as: UTF8.self) == position.chain.hex
  }

  /// Puts the new log in the place of the old one, which keeps a name, and the index out of the way: the chain is another
  /// one. Returns the name of the old log.
  private func replaceLog(_ lines: [LogLine], _ directory: WriterDirectory) throws -> String? {
    let new = directory.path + "/" + Log.fileName
    let file = try OpenFile(new, O_WRONLY | O_CREAT | O_EXCL, mode: modes.file)
    try file.setMode(modes.file)
    try file.write(lines.flatMap(\.bytes), at: 0)
    try file.sync()
    let aside = "\(logPath).damaged-\(timestamp(Date()))"
    // A second name, so that at no moment there is no log.
    let isKept = link(logPath, aside) == 0
    try Files.rename(new, to: logPath)
    try Files.syncDirectory(path)
    try moveIndexAside()
    try directory.remove()
    return isKept ? aside : nil
  }

  private func linesOfIndex(_ db: Database) throws -> [LogLine] {
    var lines: [LogLine] = []
    func add(_ entry: LogEntry) throws { lines.append(try LogLine(entry, after: lines.last?.chain ?? .zero)) }
    try add(LogEntry(.initialized, id: configuration.id, by: .now()))
    var runIDs: [ExactName: String] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT uid, name, created, metadata FROM run ORDER BY id") {
      var entry = try LogEntry(.run, id: row.value(0), by: Origin(time: row.value(2), host: "", user: ""))
      entry.name = try row.value(1)
      entry.metadata = try object(row.value(3))
      try runIDs[ExactName(row.value(1))] = row.value(0)
      try add(entry)
    }
    for row in try Row.fetchAll(db, sql: CheckpointRecord.sql + " ORDER BY c.id") {
      let record = try CheckpointRecord(row, db)
      var entry = LogEntry(
        .saved, id: record.id, by: Origin(time: record.created, host: record.host, user: record.user))
      entry.path = record.path
      entry.version = record.version
      entry.manifest = record.manifest
      entry.run = record.run.flatMap { runIDs[ExactName($0)] }
      entry.parent = record.parent
      entry.step = record.step
      entry.epoch = record.epoch
      entry.metrics = record.metrics.isEmpty ? nil : record.metrics
      entry.tags = record.tags.isEmpty ? nil : record.tags
      entry.metadata = record.metadata.isEmpty ? nil : record.metadata
      entry.newBytes = record.newBytes
      if let path = record.pointerPath {
        entry.pointer = true
        entry.pointerPath = path.isExactly(record.path) ? nil : path
      }
      try add(entry)
    }
    for row in try Row.fetchAll(db, sql: "SELECT name, last_version FROM path ORDER BY id") {
      var entry = LogEntry(.versions, id: randomID(), by: .now())
      entry.path = try row.value(0)
      entry.version = try row.value(1)
      try add(entry)
    }
    return lines
  }

  private func object(_ text: String) throws -> [String: JSONValue]? {
    guard case .object(let members) = try JSONValue(parsing: text.utf8), !members.isEmpty else { return nil }
    return members
  }
}
