import Foundation
import GRDB
import Synchronization

extension Repository {
  /// Checks the repository: the log's chain, the counts, that every blob is there, and if asked every byte.
  ///
  /// With data also the index is compared, whole, with the log and the manifests. No read transaction is held while data
  /// is read. A blob found bad is set aside (renamed to `….bad`), so that the next save of the same bytes heals it;
  /// checkpoints that lack something are listed as incomplete.
  public func verify(_ options: VerifyOptions = VerifyOptions()) throws -> VerifyReport {
    var report = VerifyReport()
    if let subset = options.subset, subset.count < 1 || subset.part < 1 || subset.part > subset.count {
      throw CairnError(
        .invalid, "part \(subset.part) of \(subset.count)", advice: "parts are numbered from 1: 1/4, 2/4, 3/4, 4/4")
    }
    if options.repair { report.repaired += try repairLog() }
    try checkLog(&report)
    if isWritable {
      try locked { _ in }
      try lookAgainAtIncomplete()
    }
    // With the first part of the data if it is read in parts.
    let isThorough = options.readData && options.subset?.part ?? 1 == 1
    for wrong in try problemsOfIndex(thorough: isThorough) {
      report.problems.append(.init(what: IndexFile.fileName, problem: wrong, hurts: []))
    }
    if options.repair, !report.problems.isEmpty {
      try reindex()
      report.problems = []
      report.repaired.append("\(IndexFile.fileName): made anew from the log, since it said otherwise")
    }
    let blobs = try read { db in
      report.checkpoints = try Int.fetchOne(db, sql: "SELECT count(*) FROM checkpoint") ?? 0
      return try NeededBlob.all(db)
    }
    let check = BlobCheck(repository: self, options: options, blobs: blobs)
    let found = try check.run()
    report.blobs = blobs.count
    report.bytesRead = found.bytesRead
    try judge(sizes: found.misnoted, options, &report)
    try judge(found.bad, &report)
    try noteVerification(options, problems: report.problems.count)
    return report
  }

  private func checkLog(_ report: inout VerifyReport) throws {
    // A torn last line may be one that is being written.
    let tail = try Log(readingOnly: path).tail(from: Log.Position())
    guard let first = tail.lines.first, first.entry.op == .initialized, first.entry.id == configuration.id else {
      throw Log.damage(logPath, "its first line does not name this repository")
    }
    guard tail.isTorn, isWritable else { return }
    // Settled, it is cut off, unless the index has it: then it was a whole line once.
    let applied = try locked { $0.position }
    let end = try Log(readingOnly: path).tail(from: Log.Position()).end
    guard end.bytes >= applied.bytes else {
      throw Log.damage(logPath, "the line at byte \(end.bytes), which the index has, is not what was written")
    }
  }

  /// Sets aside what is bad, notes which checkpoints lack something, and reports what is still needed.
  private func judge(_ bad: [BlobCheck.Bad], _ report: inout VerifyReport) throws {
    if bad.isEmpty { return }
    let still = try stillBad(bad)
    let (hurts, manifests) = try read { try HurtFinder(db: $0).find(Set(still.map(\.blob.digest))) }
    for item in still.sorted(by: { $0.path < $1.path }) {
      report.problems.append(
        .init(what: item.path, problem: item.problem, hurts: hurts[item.blob.digest] ?? []))
    }
    guard isWritable else { return }
    try setAside(still.filter(\.isThere).map(\.blob))
    if !manifests.isEmpty { try setState(.incomplete, ofManifests: Array(manifests)) }
  }

  /// Those of `bad` that are needed, and bad, now. What was removed meanwhile is not missing; nor is what was removed,
  /// found to be gone, and then saved again: so both are seen under the lock, under which files come into their place.
  private func stillBad(_ bad: [BlobCheck.Bad]) throws -> [BlobCheck.Bad] {
    let packs = Packs(blobs: blobs)
    func look(_ db: Database) throws -> [BlobCheck.Bad] {
      try bad.compactMap { item in
        guard let needed = try NeededBlob.rows(db, of: [item.blob.digest]).first else { return nil }
        // What is there has been read, and is read again before it is set aside.
        return item.isThere ? item : BlobCheck.check(needed, blobs, packs, readData: false)
      }
    }
    return try isWritable ? locked { try $0.index.read(look) } : read(look)
  }

  /// Reports, or mends, the rows that say of a file how long it is and are wrong: what is freed and used is added up from
  /// them.
  private func judge(sizes misnoted: [NeededBlob], _ options: VerifyOptions, _ report: inout VerifyReport) throws {
    if misnoted.isEmpty { return }
    let still = try read { db in try misnoted.filter { try NeededBlob.rows(db, of: [$0.digest]).contains($0) } }
    if still.isEmpty { return }
    if options.repair {
      try reindex()
      report.repaired.append("\(IndexFile.fileName): made anew from the log, since sizes in it were wrong")
      return
    }
    for blob in still.sorted(by: { $0.digest.hex < $1.digest.hex }) {
      report.problems.append(
        .init(
          what: IndexFile.fileName,
          problem:
            "blob \(blob.digest): noted with \(blob.stored) bytes, which its file does not have: run `cairn reindex`",
          hurts: []))
    }
  }

  private func noteVerification(_ options: VerifyOptions, problems: Int) throws {
    guard isWritable else { return }
    let part = options.subset.map { " \($0.part)/\($0.count)" } ?? ""
    let time = VerificationTime(
      kind: (options.readData ? "data" : "files") + part, finished: timestamp(Date()), problems: problems)
    try locked { locked in try locked.write { try time.insert($0) } }
  }
}

/// A blob that some checkpoint needs, as the index has it.
struct NeededBlob: Sendable, Hashable {
  var digest: Digest
  var size: Int
  var pack: Digest?
  var place: BlobRows.Place
  /// The bytes that it takes where it is.
  var stored: Int
  /// Whether it is a manifest, which is kept compressed.
  var isManifest: Bool

  private static let sql = """
    SELECT b.digest, b.size, p.digest, b.place, b.stored, m.id IS NOT NULL FROM blob b LEFT JOIN pack p ON p.id = b.pack_id
      LEFT JOIN manifest m ON m.blob_id = b.id WHERE b.refs > 0
    """

  private init?(_ row: Row) throws {
    guard let digest = try Digest(bytes: row.value(0) as Data) else { return nil }
    self.digest = digest
    size = try row.value(1)
    pack = try (row.value(2) as Data?).flatMap { Digest(bytes: $0) }
    place = try BlobRows.Place(rawValue: row.value(3)) ?? .raw
    stored = try row.value(4)
    isManifest = try row.value(5)
  }

  static func all(_ db: Database) throws -> [NeededBlob] {
    try Row.fetchAll(db, sql: sql + " ORDER BY p.id, b.digest").compactMap { try NeededBlob($0) }
  }

  static func rows(_ db: Database, of digests: [Digest]) throws -> [NeededBlob] {
    try digests.compactMap { digest in
      try Row.fetchOne(db, sql: sql + " AND b.digest = ?", arguments: [digest.data]).flatMap { try NeededBlob($0) }
    }
  }
}
