import Foundation
import Testing

@testable import CairnCore

/// The log is the truth: a line in it has happened, and what is not a line has not.
@Suite struct LogTests {
  private let storages = [bytes(20_000, seed: 1), bytes(10, seed: 2)]

  private func lines(_ repository: Repository) throws -> [[UInt8]] {
    let content = try #require(try Files.contents(repository.logPath))
    return content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
  }

  private func write(_ content: [UInt8], to repository: Repository) throws {
    try OpenFile(repository.logPath, O_WRONLY | O_TRUNC).write(content, at: 0)
  }

  /// The line that a save by another process would append now, which the index does not know.
  private func nextLine(_ repository: Repository, _ path: String) throws -> [UInt8] {
    let position = try Log(readingOnly: repository.path).tail(from: Log.Position()).end
    let record = try repository.checkpoint(PathName(path: "a"))
    var entry = LogEntry(.saved, id: randomID(), by: .now())
    entry.path = path
    entry.version = 1
    entry.manifest = record.manifest
    return try LogLine(entry, after: position.chain).bytes
  }

  enum Tear: CaseIterable { case half, noNewline, wrongDigest, wrongDigestLong, empty, zeros }

  @Test(arguments: JournalMode.allCases, Tear.allCases)
  func aTornLastLineIsCutOff(_ journal: JournalMode, tear: Tear) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    let good = try #require(try Files.contents(repository.logPath))
    let line = try nextLine(repository, "never")
    let torn: [UInt8]
    switch tear {
    case .half: torn = Array(line.prefix(line.count / 2))
    case .noNewline: torn = Array(line.dropLast())
    case .wrongDigest: torn = [line[0] == 0x30 ? 0x31 : 0x30] + line.dropFirst()
    case .wrongDigestLong: torn = Array(line.dropLast(3)) + Array("}}\n".utf8)
    case .empty: torn = [UInt8(ascii: "\n")]
    case .zeros: torn = [UInt8](repeating: 0, count: 300)
    }
    try write(good + torn, to: repository)
    #expect(try repository.names() == ["a@1"])
    try repository.save(storages, "b")
    let content = try #require(try Files.contents(repository.logPath))
    #expect(content.starts(with: good))
    #expect(try lines(repository).count == 4)
    for handle in [repository, try Repository(opening: scratch.path)] {
      try handle.expectSound(["a@1": storages, "b@1": storages])
    }
    IndexCopy.delete(repository)
    try repository.expectSound(["a@1": storages, "b@1": storages])
  }

  @Test(arguments: JournalMode.allCases)
  func aCompleteLineThatTheIndexHasNotAppliedHasHappened(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    let good = try #require(try Files.contents(repository.logPath))
    let line = try nextLine(repository, "other")
    try write(good + line + Array("torn".utf8), to: repository)
    try repository.expectSound(["a@1": storages, "other@1": storages])
    #expect(try Files.contents(repository.logPath) == good + line)
  }

  /// The last line, of which the index knows that it was there: whatever it is now, it was committed.
  @Test(arguments: JournalMode.allCases, [0, 30, 100, -1])
  func anAppliedLineIsNeverCut(_ journal: JournalMode, at place: Int) throws {
    for hasNewHandle in [false, true] {
      let scratch = try Scratch()
      let repository = try scratch.repository(journal)
      try repository.save(storages, "a")
      let before = try lines(repository).dropLast(2).reduce(0) { $0 + $1.count + 1 }
      var content = try #require(try Files.contents(repository.logPath))
      let index = place < 0 ? content.count - 1 : before + place
      content[index] = content[index] == 0x30 ? 0x31 : 0x30
      try write(content, to: repository)
      let handle = hasNewHandle ? try Repository(opening: scratch.path) : repository
      #expect(failure { try handle.verify() } == .damaged)
      _ = failure { try handle.reindex() }
      _ = failure { try handle.collectGarbage() }
      #expect(try Files.contents(repository.logPath)?.count == content.count)
      var options = VerifyOptions()
      options.repair = true
      #expect(try handle.verify(options).problems == [])
      try handle.expectSound(["a@1": storages])
    }
  }

  @Test(arguments: JournalMode.allCases)
  func aBadLineInTheMiddleIsDamage(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    try repository.save([bytes(30_000, seed: 3)], "b")
    try repository.save([bytes(30_000, seed: 4)], "c")
    _ = try repository.remove(PathName(path: "c"))
    let good = try #require(try Files.contents(repository.logPath))
    let start = try lines(repository)[0].count + 1
    var bad = good
    bad[start + 100] ^= 1
    try write(bad, to: repository)
    // The index stands behind it; without one, all of the log is read.
    IndexCopy.delete(repository)
    let files = scratch.blobFiles()
    for handle in [repository, try Repository(opening: scratch.path)] {
      #expect(failure { try handle.save(storages, "d") } == .damaged)
      #expect(failure { try handle.remove(PathName(path: "a")) } == .damaged)
      #expect(failure { try handle.collectGarbage() } == .damaged)
      #expect(failure { try handle.verify() } == .damaged)
      #expect(message { try handle.reindex() }.contains("byte \(start)"))
    }
    #expect(try Files.contents(repository.logPath) == bad)
    #expect(scratch.blobFiles() == files)
    try write(good, to: repository)
    try repository.expectSound(["a@1": storages, "b@1": [bytes(30_000, seed: 3)]])
  }

  enum Loss: CaseIterable { case missing, shorter, empty, badMiddle, foreign }

  @Test(arguments: JournalMode.allCases, Loss.allCases)
  func aLostLogIsMadeAnewFromTheIndex(_ journal: JournalMode, loss: Loss) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    var request = SaveRequest(path: "a")
    request.run = "run"
    request.tags = ["best"]
    request.metrics = ["loss": 0.25]
    request.metadata = ["x": [1, "2"]]
    request.pointer = true
    _ = try repository.save(content(storages), request)
    try repository.save([bytes(30_000, seed: 3)], "a")
    try repository.save([bytes(30_000, seed: 4)], "c")
    _ = try repository.remove(PathName(path: "c"))
    _ = try repository.remove(PathName(parsing: "a@2"))
    try repository.save([bytes(30_000, seed: 3)], "b")
    let before = try repository.listing()
    let good = try #require(try Files.contents(repository.logPath))
    switch loss {
    case .missing: unlink(repository.logPath)
    case .shorter:
      try write(Array(good.prefix(lines(repository).prefix(2).reduce(0) { $0 + $1.count + 1 })), to: repository)
    case .empty: try write([], to: repository)
    case .badMiddle:
      var bad = good
      bad[300] ^= 1
      try write(bad, to: repository)
    case .foreign:
      let other = try Scratch()
      let theirs = try other.repository(journal)
      for _ in 0..<9 { try theirs.save([[1]], "theirs") }
      try write(try #require(try Files.contents(theirs.logPath)), to: repository)
    }
    let files = scratch.blobFiles()
    let damaged = try Files.contents(repository.logPath)
    if loss != .badMiddle {
      for handle in [repository, try Repository(opening: scratch.path)] {
        #expect(failure { try handle.save(storages, "d") } == .damaged)
        #expect(failure { try handle.collectGarbage() } == .damaged)
        #expect(failure { try handle.verify() } == .damaged)
        #expect(message { try handle.save(storages, "d") }.contains("--repair"))
      }
    } else {
      #expect(failure { try repository.verify() } == .damaged)
    }
    #expect(scratch.blobFiles() == files)
    #expect(try Files.contents(repository.logPath) == damaged)

    var options = VerifyOptions()
    options.repair = true
    options.readData = true
    let report = try repository.verify(options)
    #expect(report.repaired.count == 1)
    #expect(report.problems == [])
    for handle in [repository, try Repository(opening: scratch.path)] {
      #expect(try handle.listing() == before)
      try handle.reindex()
      #expect(try handle.listing() == before)
      _ = try handle.collectGarbage()
    }
    #expect(try repository.save(storages, "c").version == 2, "a removed one's number is not given again")
    #expect(try repository.save(storages, "a").version == 3)
    #expect(try repository.load("best") == storages)
    #expect(try repository.wrongCounts() == [])
  }

  @Test func repairOfWhatIsNotBrokenDoesNothing() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save(storages, "a")
    let log = try Files.contents(repository.logPath)
    var options = VerifyOptions()
    options.repair = true
    #expect(try repository.verify(options).repaired == [])
    IndexCopy.delete(repository)
    #expect(try repository.verify(options).repaired == [])
    #expect(try Files.contents(repository.logPath) == log)
  }

  @Test func wrongCountsAreFoundAndRepaired() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save(storages, "a")
    try repository.locked { try $0.index.write { try $0.execute(sql: "UPDATE blob SET refs = refs + 1") } }
    #expect(try repository.verify().problems.count == 3)
    var options = VerifyOptions()
    options.repair = true
    #expect(try repository.verify(options).repaired.count == 1)
    try repository.expectSound(["a@1": storages])
  }

  @Test func eachLineIsChainedToTheOneBefore() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for _ in 0..<3 { try repository.save(storages, "a") }
    var previous = [UInt8](repeating: 0, count: 32)
    for line in try lines(repository).dropLast() {
      let digest = Digest(hashing: previous + line.dropFirst(65))
      #expect(String(decoding: line.prefix(65), as: UTF8.self) == digest.hex + " ")
      #expect(line.count < 700)
      let entry = try JSONDecoder().decode([String: JSONValue].self, from: Data(line.dropFirst(65)))
      #expect(entry["time"]?.stringValue?.isEmpty == false)
      #expect(entry["host"]?.stringValue?.isEmpty == false)
      #expect(entry["user"]?.stringValue?.isEmpty == false)
      previous = digest.bytes
    }
  }

  @Test func aLineOfAnUnknownKindIsANewerCairns() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save(storages, "a")
    let position = try Log(readingOnly: repository.path).tail(from: Log.Position()).end
    let json = Array(#"{"host":"h","id":"1","op":"invented","time":"t","user":"u"}"#.utf8)
    let line = Array((Digest(hashing: position.chain.bytes + json).hex + " ").utf8) + json + [UInt8(ascii: "\n")]
    let log = try #require(try Files.contents(repository.logPath)) + line
    try write(log, to: repository)
    #expect(failure { try repository.save(storages, "b") } == .newerFormat)
    #expect(try Files.contents(repository.logPath) == log)
  }
}
