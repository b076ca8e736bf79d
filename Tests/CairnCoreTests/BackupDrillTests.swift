import Foundation
import Glibc
import Synchronization
import Testing

@testable import CairnCore

/// Checkpoints whose names say what is in them, so that whoever finds one in a copy can tell whether it is right.
enum DrillContent {
  /// The name of a checkpoint with some of a few storages, so that many share them.
  static func name(_ random: inout some RandomNumberGenerator) -> String {
    (0..<3).map { _ in String(Int.random(in: 0..<5, using: &random)) }.joined(separator: "-")
  }

  static func storages(_ name: String) -> [[UInt8]] {
    zip(name.split(separator: "-"), all).map { seed, storages in storages[Int(seed) ?? 0] }
  }

  private static let all = [140_000, 70_000, 900].map { size in
    (0..<5).map { bytes(size, seed: UInt64($0 + size)) }
  }

  /// Saves and removes, and collects garbage now and then, until it is told to stop.
  static func churn(_ path: String, seed: UInt64, _ isOver: borrowing Atomic<Bool>) throws {
    let repository = try Repository(opening: path)
    var random = SeededGenerator(seed: seed)
    var count = 0
    while !isOver.load(ordering: .relaxed) {
      let name = name(&random)
      count += 1
      switch Int.random(in: 0..<12, using: &random) {
      case 0..<6: try repository.save(storages(name), name, keep: 2)
      case 6..<11: _ = try repository.remove(PathName(path: name))
      default: _ = try repository.collectGarbage()
      }
      if count % 40 == 39 { try repository.reindex() }
    }
  }
}

extension Repository {
  /// Fails the test unless this copy has just the checkpoints that its log says, whole, and bit for bit.
  func expectWholeDrillCopy(sourceLocation: SourceLocation = #_sourceLocation) throws {
    var options = VerifyOptions()
    options.readData = true
    let report = try verify(options)
    #expect(report.problems == [], sourceLocation: sourceLocation)
    #expect(try wrongCounts() == [], sourceLocation: sourceLocation)
    let records = try checkpoints()
    #expect(try Set(records.map(\.id)) == liveCheckpoints(inLogOf: path), sourceLocation: sourceLocation)
    for record in records {
      #expect(record.state == .whole, "\(record.name)", sourceLocation: sourceLocation)
      let loaded = try load(record.name)
      #expect(loaded == DrillContent.storages(record.path), "\(record.name)", sourceLocation: sourceLocation)
    }
  }
}

/// Restore drills: copies are made while others save and remove, and each is opened and looked through.
@Suite struct BackupDrillTests {
  @Test(arguments: JournalMode.allCases)
  func everyBackupMadeWhileOthersSaveAndRemoveIsWhole(_ journal: JournalMode) throws {
    let pair = try BackupPair(journal)
    let isOver = Atomic(false)
    let found = Mutex<[Int]>([])
    try onThreads(4) { thread in
      if thread > 0 { return try DrillContent.churn(pair.scratch.path, seed: UInt64(thread), isOver) }
      defer { isOver.store(true, ordering: .relaxed) }
      var random = SeededGenerator(seed: 77)
      for round in 0..<10 {
        let options = round % 3 == 1 ? BackupOptions.copying : BackupOptions()
        let report = try pair.source.backup(to: pair.backup, options)
        #expect(report.problems == [])
        let copy = try pair.opened()
        if Bool.random(using: &random) { try copy.reindex() }
        try copy.expectWholeDrillCopy()
        #expect(try liveCheckpoints(inLogOf: pair.backup).count == report.checkpoints)
        #expect(pair.files().count == report.total.files, "nothing else is left in it")
        if Bool.random(using: &random) { _ = try copy.collectGarbage() }
        copy.close()
        found.withLock { $0.append(report.checkpoints) }
      }
    }
    #expect(found.withLock { Set($0).count } > 3, "something happened meanwhile")
    _ = try pair.source.backup(to: pair.backup)
    #expect(try pair.log() == Files.contents(pair.source.logPath))
    #expect(try pair.opened().listing() == pair.source.listing())
    try pair.opened().expectWholeDrillCopy()
  }

  /// Several backups to one place at once, of a repository in use.
  @Test func backupsToOnePlaceAtOnceEndWithAWholeOne() throws {
    let pair = try BackupPair()
    let isOver = Atomic(false)
    let working = Atomic(3)
    try onThreads(5) { thread in
      if thread > 2 { return try DrillContent.churn(pair.scratch.path, seed: UInt64(thread), isOver) }
      defer { if working.subtract(1, ordering: .relaxed).newValue == 0 { isOver.store(true, ordering: .relaxed) } }
      let source = try Repository(opening: pair.scratch.path)
      for round in 0..<4 {
        let options = (round + thread) % 2 == 0 ? BackupOptions.copying : BackupOptions()
        #expect(try source.backup(to: pair.backup, options).problems == [])
      }
    }
    try pair.opened().expectWholeDrillCopy()
    _ = try pair.source.backup(to: pair.backup)
    try pair.opened().expectWholeDrillCopy()
    #expect(pair.files() == pair.scratch.blobFiles())
  }
}
