import Foundation
import Synchronization
import Testing

@testable import CairnCore

/// What happens while a backup is being made: to the repository, to the backup, and to the process that makes it.
@Suite struct BackupRaceTests {
  private static let large = [bytes(150_000, seed: 1), bytes(90_000, seed: 2)]
  private static let small = [bytes(100, seed: 3), bytes(3_000, seed: 4)]

  // MARK: The repository

  @Test(arguments: JournalMode.allCases, BackupOptions.Method.allCases)
  func whatIsRemovedMeanwhileIsRemovedInTheCopyToo(_ journal: JournalMode, _ method: BackupOptions.Method) throws {
    let pair = try BackupPair(journal)
    try pair.source.save(Self.large, "a")
    try pair.source.save(Self.small, "b")
    let other = try Repository(opening: pair.scratch.path)
    var options = BackupOptions()
    options.method = method
    let report = try pair.run(options) { plan in
      if plan == 1 { _ = try other.remove(PathName(path: "a")) }
    }
    #expect(report.checkpoints == 1)
    #expect(report.problems == [])
    #expect(try pair.log() == Files.contents(pair.source.logPath), "with the line that removed it")
    try pair.opened().expectSound(["b@1": Self.small])
    #expect(pair.files() == pair.scratch.blobFiles())
  }

  @Test(arguments: JournalMode.allCases)
  func whatIsSavedMeanwhileIsForTheNextOne(_ journal: JournalMode) throws {
    let pair = try BackupPair(journal)
    try pair.source.save(Self.small, "a")
    let report = try pair.run(afterPlan: { plan in
      if plan == 1 { try pair.source.save(Self.large, "b") }
    })
    #expect(report.checkpoints == 1)
    #expect(report.logBytes < (try Files.status(pair.source.logPath)?.size ?? 0))
    try pair.opened().expectSound(["a@1": Self.small])
    _ = try pair.source.backup(to: pair.backup)
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
  }

  @Test(arguments: JournalMode.allCases)
  func packsMayBeRewrittenMeanwhile(_ journal: JournalMode) throws {
    let pair = try BackupPair(journal)
    let many = [Self.small[0]] + (0..<9).map { bytes(4_000, seed: 10 + $0) }
    try pair.source.save(many, "many")
    try pair.source.save([Self.small[0]], "one")
    let report = try pair.run(afterPlan: { plan in
      guard plan == 1 else { return }
      _ = try pair.source.remove(PathName(path: "many"))
      let report = try pair.source.collectGarbage()
      #expect(report.repackedPacks == 1)
    })
    #expect(report.problems == [])
    #expect(try pair.log() == Files.contents(pair.source.logPath))
    try pair.opened().expectSound(["one@1": [Self.small[0]]])
    try pair.opened().reindex()
    try pair.opened().expectSound(["one@1": [Self.small[0]]])
  }

  // MARK: The backup

  /// What was brought has no row in the backup's index yet.
  @Test(arguments: JournalMode.allCases)
  func garbageMayBeCollectedInTheBackupMeanwhile(_ journal: JournalMode) throws {
    let pair = try BackupPair(journal)
    try pair.source.save(Self.small, "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.source.save(Self.large, "b")
    let report = try pair.run(beforeLock: { lock in
      guard lock == 1 else { return }
      let report = try pair.opened().collectGarbage()
      #expect(report.freed.files > 3)
    })
    #expect(report.problems == [])
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
  }

  @Test(arguments: JournalMode.allCases)
  func anotherBackupMayBeFaster(_ journal: JournalMode) throws {
    let pair = try BackupPair(journal)
    try pair.source.save(Self.small, "a")
    let report = try pair.run(beforeLock: { lock in
      guard lock == 1 else { return }
      try pair.source.save(Self.large, "b")
      _ = try pair.source.remove(PathName(path: "a"))
      // It removes what this one has brought, and no longer needs.
      _ = try pair.source.backup(to: pair.backup)
    })
    #expect(report.checkpoints == 1)
    #expect(try pair.log() == Files.contents(pair.source.logPath))
    try pair.opened().expectSound(["b@1": Self.large])
  }

  /// All that the slower one brought is still there, and its log is shorter than what is in place.
  @Test func theSlowerOfTwoBackupsDoesNotGoBack() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    let report = try pair.run(beforeLock: { lock in
      guard lock == 1 else { return }
      try pair.source.save(Self.large, "b")
      _ = try pair.source.backup(to: pair.backup)
    })
    #expect(report.checkpoints == 2)
    #expect(try pair.log() == Files.contents(pair.source.logPath))
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
  }

  @Test func somethingMayBeSavedIntoTheBackupMeanwhile() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.source.save(Self.large, "b")
    #expect(
      failure {
        try pair.run(beforeLock: { _ in try pair.opened().save([bytes(70_000, seed: 9)], "only here") })
      } == .diverged)
    try pair.opened().expectSound(["a@1": Self.small, "only here@1": [bytes(70_000, seed: 9)]])
  }

  /// Once the log is in place somebody saves into the backup, before what it no longer needs is removed.
  @Test func whatIsSavedIntoABackupBeforeItIsTidiedIsNotTidiedAway() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    _ = try pair.source.backup(to: pair.backup)
    _ = try pair.source.remove(PathName(path: "a"))
    _ = try pair.source.backup(to: pair.backup)
    let copy = try pair.opened()
    let history = try LogHistory(of: pair.backup)
    let pruning = BackupPruning(copy, keeping: [])
    try copy.save(Self.large, "again")
    let superfluous = try pruning.superfluous()
    #expect(superfluous.count > 3)
    #expect(try !pruning.remove(superfluous, logAt: history.end) { _ in })
    try copy.expectSound(["again@1": Self.large])
  }

  @Test func aReaderOfTheBackupKeepsItsBytes() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    _ = try pair.source.backup(to: pair.backup, .copying)
    let copy = try pair.opened()
    try copy.withCheckpoint(PathName(path: "a")) { _, stored in
      let regions = try stored.storages([0, 1], .mapped)
      _ = try pair.source.remove(PathName(path: "a"))
      _ = try pair.source.backup(to: pair.backup, .copying)
      #expect(pair.files() == [])
      #expect(regions.map { Array($0.bytes) } == Self.large)
    }
    #expect(failure { try copy.load("a") } == .removed)
  }

  // MARK: The process

  @Test(arguments: BackupOptions.Method.allCases)
  func aBackupThatIsStoppedLeavesTheLastOneAndTheNextGoesOn(_ method: BackupOptions.Method) throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    for round in 0..<3 {
      let asked = Tally()
      var options = BackupOptions()
      options.method = method
      options.isCancelled = { asked.add(1) > 4 + round }
      #expect(failure { try pair.source.backup(to: pair.backup, options) } == .cancelled)
      #expect(try Files.names(in: pair.backup + "/tmp") == [])
      try pair.opened().expectSound([:])
      pair.source.close()
    }
    let report = try pair.source.backup(to: pair.backup)
    #expect(report.reused.files > 0)
    #expect(report.reused.files + report.linked.files == report.total.files)
    try pair.opened().expectSound(["a@1": Self.large])
  }

  /// A full disk: the backup stays what it was, and can be read.
  @Test func aFullDiskLeavesTheLastBackup() throws {
    let pair = try BackupPair()
    try FileManager.default.createDirectory(atPath: pair.backup, withIntermediateDirectories: true)
    guard mount("tmpfs", pair.backup, "tmpfs", 0, "size=1m") == 0 else { return }
    defer { umount2(pair.backup, Int32(MNT_DETACH)) }
    try pair.source.save(Self.small, "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.source.save([bytes(3_000_000, seed: 5)], "too large")
    #expect(failure { try pair.source.backup(to: pair.backup) } == .noSpace)
    #expect(failure { try pair.source.backup(to: pair.backup) } == .noSpace)
    #expect(try Files.names(in: pair.backup + "/tmp") == [])
    // There has to be room for an index, or nobody could read it.
    try pair.opened().expectSound(["a@1": Self.small])
    _ = try pair.source.remove(PathName(path: "too large"))
    try pair.source.save(Self.large, "b")
    let report = try pair.source.backup(to: pair.backup)
    #expect(report.copied.files > 3, "it is another filesystem")
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
  }
}
