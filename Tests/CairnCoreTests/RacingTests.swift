import Foundation
import GRDB
import Testing

@testable import CairnCore

/// What other processes do between a save's writing and its commit.
@Suite struct RacingTests {
  private let large = [bytes(100_000, seed: 1)]
  private let small = [bytes(700, seed: 2), bytes(800, seed: 3)]

  /// Saves `storages` as `new`, with `meanwhile` done once when all is written and the lock not yet taken.
  private func save(
    _ storages: [[UInt8]], in repository: Repository, meanwhile: @escaping () throws -> Void
  ) throws -> SaveReport {
    let saver = try Saver(repository, content(storages), SaveRequest(path: "new"))
    var isDone = false
    saver.beforeLock = {
      if isDone { return }
      isDone = true
      try meanwhile()
    }
    return try saver.run()
  }

  enum Doing: CaseIterable {
    case nothing, removal, removalAndSameSave, deletion, collection, reindex, indexDeleted, repacking, verification
  }

  @Test(arguments: JournalMode.allCases, Doing.allCases)
  func aReusedBlobThatGoesMeanwhileIsWritten(_ journal: JournalMode, doing: Doing) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let other = try Repository(opening: scratch.path)
    let storages = large + small
    let filler = (0..<9).map { bytes(4_000, seed: 10 + $0) }
    try repository.save(storages + filler, "old")
    if doing == .repacking { try repository.save(storages, "kept") }
    let report = try save(storages, in: repository) {
      switch doing {
      case .nothing: break
      case .removal: _ = try other.remove(PathName(path: "old"))
      case .removalAndSameSave:
        _ = try other.remove(PathName(path: "old"))
        try other.save(storages, "old")
      case .deletion:
        for file in scratch.blobFiles() where !file.hasSuffix(".zst") { unlink(other.blobs.root + "/" + file) }
      case .collection:
        _ = try other.remove(PathName(path: "old"))
        _ = try other.collectGarbage()
      case .reindex: try other.reindex()
      case .indexDeleted:
        _ = try other.remove(PathName(path: "old"))
        IndexCopy.delete(other)
      case .repacking:
        _ = try other.remove(PathName(path: "old"))
        #expect(try other.collectGarbage().repackedPacks == 1)
      case .verification:
        let path = other.blobs.path(Digest(hashing: large[0].prefix(65_536)), .raw)
        unlink(path)
        try OpenFile(path, O_WRONLY | O_CREAT).write(bytes(65_536, seed: 77), at: 0)
        var options = VerifyOptions()
        options.readData = true
        #expect(try other.verify(options).problems.count == 1)
      }
    }
    #expect(report.version == 1)
    #expect(try repository.load("new") == storages)
    _ = try other.collectGarbage()
    #expect(try other.load("new") == storages)
    #expect(try other.wrongCounts() == [])
    try other.reindex()
    #expect(try repository.load("new", mapped: true) == storages)
  }

  /// What a remover does that dies before its sweep: rows at 0, files in place.
  private func removeAllWithoutSweep(_ repository: Repository) throws {
    try repository.locked { locked in
      var entry = LogEntry(.removed, id: randomID(), by: .now())
      entry.removes = try locked.index.read { try String.fetchAll($0, sql: "SELECT uid FROM checkpoint") }
      _ = try locked.commit(entry)
    }
  }

  @Test(arguments: JournalMode.allCases)
  func aRowAtZeroIsNotTrusted(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(large + small, "old")
    try removeAllWithoutSweep(repository)
    #expect(scratch.blobFiles().count == 4)
    let report = try save(large + small, in: repository) { try repository.sweep() }
    #expect(report.newBytes == 101_500)
    try repository.expectSound(["new@1": large + small])
  }

  @Test(arguments: JournalMode.allCases)
  func aRemovalOfWhatIsGoneSweepsAllTheSame(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(large + small, "old")
    try removeAllWithoutSweep(repository)
    let removal = try repository.remove(PathName(path: "old"))
    #expect(removal.removed == [])
    #expect(removal.freed.files == 4)
    #expect(scratch.blobFiles() == [])
  }

  @Test(arguments: JournalMode.allCases)
  func savesOfTheSameBytesAtOnceBothLoad(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let other = try Repository(opening: scratch.path)
    let storages = large + small
    _ = try save(storages, in: repository) { try other.save(storages, "other") }
    try repository.expectSound(["new@1": storages, "other@1": storages])
    _ = try repository.remove(PathName(path: "other"))
    try other.expectSound(["new@1": storages])
  }

  /// A source that changes under the save: what is committed is what was hashed, once.
  private final class Changing: ByteSource, @unchecked Sendable {  // the test's threads only read a counter
    let name = "changing"
    let size = 65_536 * 3 + 5
    private let reads = Tally()
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
      let salt = reads.add(1)
      for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: (offset + index) &* 7 &+ salt) }
    }
  }

  @Test func bytesThatChangeWhileTheyAreReadAreStoredAsTheyWereHashed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var changing = content([[]])
    changing.sources = [Changing()]
    changing.tensors = []
    let saver = try Saver(repository, changing, SaveRequest(path: "a"))
    _ = try saver.run()
    var options = VerifyOptions()
    options.readData = true
    #expect(try repository.verify(options).problems == [])
    // Again, with what the first shares gone in between, so that parts are read twice.
    let second = try Saver(repository, changing, SaveRequest(path: "b"))
    second.beforeLock = { _ = try repository.remove(PathName(path: "a")) }
    _ = try second.run()
    #expect(try repository.verify(options).problems == [])
    #expect(try repository.load("b")[0].count == 65_536 * 3 + 5)
  }

  @Test func aSourceFoundChangedCommitsNothing() throws {
    struct Changed: Error {}
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let log = try Files.contents(repository.logPath)
    var changing = content(large + small)
    changing.checkUnchanged = { throw Changed() }
    #expect(throws: Changed.self) { try repository.save(changing, SaveRequest(path: "a")) }
    #expect(scratch.blobFiles() == [])
    #expect(try Files.names(in: repository.path + "/tmp") == [])
    #expect(try Files.contents(repository.logPath) == log)
  }

  /// Overlapping saves and removals from several threads, each with handles of its own, as processes would.
  @Test(arguments: JournalMode.allCases)
  func manyWritersAtOnceEndWithEverythingSound(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    _ = try scratch.repository(journal)
    try onThreads(4) { thread in
      let repository = try Repository(opening: scratch.path)
      var random = SeededGenerator(seed: UInt64(thread))
      for number in 0..<25 {
        let seeds = (0..<3).map { _ in UInt64.random(in: 0..<6, using: &random) }
        let storages = [bytes(70_000, seed: seeds[0]), bytes(300, seed: seeds[1]), bytes(9_000, seed: seeds[2])]
        try repository.save(storages, "p\(Int(seeds[0]) % 3)", keep: number % 2 == 0 ? 2 : nil)
        if number % 5 == 4 { _ = try repository.remove(PathName(path: "p\(number % 3)")) }
        if number == 12 { _ = try repository.collectGarbage() }
        if number == 20, thread == 0 { try repository.reindex() }
        if thread == 3 { _ = try repository.checkpoints() }
      }
    }
    let repository = try Repository(opening: scratch.path)
    _ = try repository.collectGarbage()
    var options = VerifyOptions()
    options.readData = true
    #expect(try repository.verify(options).problems == [])
    #expect(try repository.wrongCounts() == [])
    for record in try repository.checkpoints() { _ = try repository.load(record.name) }
    // Versions were given once.
    var seen: Set<String> = []
    for line in try Log(readingOnly: repository.path).tail(from: Log.Position()).lines where line.entry.op == .saved {
      #expect(seen.insert("\(line.entry.path ?? "")@\(line.entry.version ?? 0)").inserted)
    }
  }
}
