import Foundation
import GRDB
import Testing

@testable import CairnCore

/// Blobs that go bad or missing: found, named, set aside, and healed by the next save of the same bytes.
@Suite struct HealingTests {
  private func verifyData(_ repository: Repository, repair: Bool = false) throws -> VerifyReport {
    var options = VerifyOptions()
    options.readData = true
    options.repair = repair
    return try repository.verify(options)
  }

  private func overwrite(_ path: String, with content: [UInt8]) throws {
    unlink(path)
    try OpenFile(path, O_WRONLY | O_CREAT, mode: 0o444).write(content, at: 0)
  }

  @Test(arguments: JournalMode.allCases)
  func aBlobDeletedByHandIsHealedByTheNextSaveOfItsBytes(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [bytes(100_000, seed: 1), bytes(10, seed: 2)]
    try repository.save(storages, "a")
    for file in scratch.blobFiles() where !file.hasSuffix(".zst") { unlink(repository.blobs.root + "/" + file) }
    let report = try verifyData(repository)
    #expect(report.problems.count == 3)
    #expect(Set(report.problems.flatMap(\.hurts).map(\.checkpoint)) == ["a@1"])
    #expect(Set(report.problems.flatMap(\.hurts).flatMap(\.tensors)) == ["t0", "t1"])
    #expect(try repository.checkpoint(PathName(path: "a")).state == .incomplete)
    #expect(try repository.save(storages, "b").newBytes == 100_010)
    try repository.expectSound(["a@1": storages, "b@1": storages])
  }

  /// A rebuilt index knows nothing of a manifest that was removed, but that there was one.
  @Test func aRowThatIsNeededAgainSaysWhatThereIsNow() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let storages = [bytes(100_000, seed: 1), bytes(10, seed: 2)]
    try repository.save(storages, "a")
    _ = try repository.remove(PathName(path: "a"))
    repository.close()
    IndexCopy.delete(repository)
    #expect(try repository.names() == [])
    let manifest = try repository.save(storages, "a").manifest
    let sql = "SELECT size, stored, crc32 FROM blob ORDER BY digest"
    func rows() throws -> [[Int]] {
      try repository.read { db in try Row.fetchAll(db, sql: sql).map { [$0[0], $0[1], $0[2]] } }
    }
    let saved = try rows()
    #expect(saved.allSatisfy { $0[0] > 0 && $0[1] > 0 })
    let path = repository.blobs.path(manifest, .zstd)
    let size = try #require(try Files.status(path)?.size)
    #expect(saved.contains { $0[1] == size })
    try repository.expectSound(["a@2": storages])
    try repository.reindex()
    #expect(try Set(rows()) == Set(saved))
  }

  @Test func aSizeThatIsNotedWrongIsToldAndMended() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([bytes(100_000, seed: 1), bytes(10, seed: 2)], "a")
    for (condition, count) in [("place = 1", 1), ("place = 0", 2), ("place = 2", 1)] {
      try repository.locked { locked in
        try locked.write { db in try db.execute(sql: "UPDATE blob SET stored = stored + 1 WHERE \(condition)") }
      }
      let report = try repository.verify()
      #expect(report.problems.count == count, "\(condition)")
      #expect(report.problems.allSatisfy { $0.what == "index.sqlite" && $0.hurts.isEmpty })
      #expect(try verifyData(repository, repair: true).repaired.count == 1)
      #expect(try repository.verify().problems == [])
    }
  }

  @Test(arguments: [-1, 1, 1 << 40, -1 << 40])
  func aGoodBlobIsNotSetAsideOnTheWordOfAnIndexThatIsWrong(_ difference: Int) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let storages = [bytes(100_000, seed: 1), bytes(10, seed: 2), bytes(9_000, seed: 3)]
    try repository.save(storages, "a")
    // One of them compressed, as compaction will.
    let digest = Digest(hashing: storages[2])
    let compressed = try Zstd.compress(storages[2])
    try OpenFile(repository.blobs.path(digest, .zstd), O_WRONLY | O_CREAT).write(compressed, at: 0)
    try Files.unlink(repository.blobs.path(digest, .raw))
    try repository.reindex()
    let files = scratch.blobFiles()
    try repository.locked { locked in
      try locked.write { db in
        try db.execute(sql: "UPDATE blob SET size = size + ? WHERE place < 2", arguments: [difference])
      }
    }
    #expect(try !verifyData(repository).problems.isEmpty)
    #expect(scratch.blobFiles() == files)
    _ = try verifyData(repository, repair: true)
    try repository.expectSound(["a@1": storages])
  }

  @Test(arguments: JournalMode.allCases)
  func aBlobThatRotsIsFoundNamedSetAsideAndHealed(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [bytes(100_000, seed: 1), bytes(9_000, seed: 2)]
    try repository.save(storages, "a")
    try repository.save([storages[0]], "b")
    let path = repository.blobs.path(Digest(hashing: storages[0].prefix(65_536)), .raw)
    var content = Array(storages[0].prefix(65_536))
    content[5] ^= 1
    try overwrite(path, with: content)
    #expect(try repository.verify().problems == [], "sizes are right: only reading tells")
    let report = try verifyData(repository)
    #expect(report.problems.map(\.what) == [path])
    #expect(
      report.problems.first?.hurts.sorted { $0.checkpoint < $1.checkpoint } == [
        .init(checkpoint: "a@1", tensors: ["t0"]), .init(checkpoint: "b@1", tensors: ["t0"]),
      ])
    #expect(try Files.contents(path + ".bad") == content)
    #expect(try !Files.exists(path))
    #expect(try repository.checkpoint(PathName(path: "b")).state == .incomplete)
    #expect(try repository.save(storages, "c").newBytes == 65_536)
    try repository.expectSound(["a@1": storages, "b@1": [storages[0]], "c@1": storages])
    for path in ["a", "b", "c"] { _ = try repository.remove(PathName(path: path)) }
    _ = try repository.collectGarbage()
    #expect(scratch.blobFiles() == [], "what was set aside goes with the last that needed it")
  }

  @Test(arguments: JournalMode.allCases)
  func theGoodBlobsOfAPackThatRotsMoveOn(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = (0..<5).map { bytes(1_000, seed: 1 + $0) }
    try repository.save(storages, "a")
    let pack = try #require(scratch.blobFiles().first { $0.hasSuffix(".pack") })
    let path = repository.blobs.root + "/" + pack
    var content = try #require(try Files.contents(path))
    let bad = try ReadPack(reading: content).entries[2]
    content[bad.offset + 3] ^= 1
    try overwrite(path, with: content)
    let report = try verifyData(repository)
    let tensor = try #require(storages.firstIndex { Digest(hashing: $0) == bad.digest })
    #expect(report.problems.flatMap(\.hurts) == [.init(checkpoint: "a@1", tensors: ["t\(tensor)"])])
    #expect(report.problems.first?.problem.contains(bad.digest.hex) == true)
    #expect(try Files.exists(path + ".bad"))
    _ = try repository.collectGarbage()
    #expect(failure { try repository.load("a") } == .missing)
    // What is good loads all the same.
    try repository.withCheckpoint(PathName(path: "a")) { _, stored in
      for index in 0..<5 where index != tensor {
        let loaded = try stored.storages([index], .copied(verify: true)).map { Array($0.bytes) }
        #expect(loaded == [storages[index]])
      }
    }
    #expect(try repository.save(storages, "b").newBytes == 1_000)
    try repository.expectSound(["a@1": storages, "b@1": storages])
    try repository.reindex()
    _ = try repository.collectGarbage()
    try repository.expectSound(["a@1": storages, "b@1": storages])
  }

  @Test(arguments: JournalMode.allCases, [0, 30, 2_000])
  func aPackCutShortHurtsNobodyElse(_ journal: JournalMode, length: Int) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let small = (0..<3).map { bytes(1_000, seed: 1 + $0) }
    try repository.save(small, "a")
    let pack = try #require(scratch.blobFiles().first { $0.hasSuffix(".pack") })
    let path = repository.blobs.root + "/" + pack
    try overwrite(path, with: Array(try #require(try Files.contents(path)).prefix(length)))
    // A save of the same bytes, before anybody has looked, is whole; so is the older checkpoint then.
    try repository.save(small + [bytes(20_000, seed: 5)], "b")
    #expect(try repository.load("b") == small + [bytes(20_000, seed: 5)])
    #expect(try Repository(opening: scratch.path).load("a") == small)
    _ = try verifyData(repository)
    _ = try repository.collectGarbage()
    try repository.expectSound(["a@1": small, "b@1": small + [bytes(20_000, seed: 5)]])
  }

  @Test(arguments: JournalMode.allCases)
  func aPackCutShortIsReported(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([bytes(1_000, seed: 1)], "a")
    let pack = try #require(scratch.blobFiles().first { $0.hasSuffix(".pack") })
    let path = repository.blobs.root + "/" + pack
    try overwrite(path, with: [1, 2, 3])
    let report = try verifyData(repository)
    #expect(report.problems.flatMap(\.hurts) == [.init(checkpoint: "a@1", tensors: ["t0"])])
    #expect(try Files.exists(path + ".bad"))
    _ = try repository.collectGarbage()
    try repository.save([bytes(1_000, seed: 1)], "b")
    try repository.expectSound(["a@1": [bytes(1_000, seed: 1)], "b@1": [bytes(1_000, seed: 1)]])
  }

  @Test(arguments: JournalMode.allCases)
  func whatALoadFindsBadIsSetAsideToo(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [bytes(9_000, seed: 1), bytes(9_000, seed: 2), bytes(100, seed: 3), bytes(100, seed: 4)]
    try repository.save(storages, "a")
    let path = repository.blobs.path(Digest(hashing: storages[1]), .raw)
    try overwrite(path, with: storages[0])
    let text = message { try repository.load("a") }
    #expect(text.contains(path) && text.contains("a@1") && text.contains("t1"))
    #expect(try Files.exists(path + ".bad"))
    #expect(try repository.checkpoint(PathName(path: "a")).state == .incomplete)
    #expect(try repository.save(storages, "b").newBytes == 9_000)
    try repository.expectSound(["a@1": storages, "b@1": storages])
  }

  @Test(arguments: JournalMode.allCases)
  func aManifestThatRotsIsHealedByTheSameSave(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [bytes(20_000, seed: 1)]
    let manifest = try repository.save(storages, "a").manifest
    let path = repository.blobs.path(manifest, .zstd)
    try overwrite(path, with: [1, 2, 3])
    #expect(failure { try repository.load("a") } == .damaged)
    let report = try verifyData(repository)
    #expect(report.problems.map(\.what) == [path])
    #expect(report.problems.first?.hurts.map(\.checkpoint) == ["a@1"])
    #expect(try repository.save(storages, "b").manifest == manifest)
    try repository.expectSound(["a@1": storages, "b@1": storages])
  }

  /// The same bytes saved again make the manifest that is there already, and its old pack anew: the rows must follow.
  @Test(arguments: JournalMode.allCases)
  func aRewrittenPackThatIsLostIsHealedByTheFirstOnesBytes(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let kept = [bytes(500, seed: 1), bytes(600, seed: 2)]
    let gone = (0..<9).map { bytes(4_000, seed: 10 + $0) }
    let first = try repository.save(kept, "a")
    let pack = try #require(scratch.blobFiles().first { $0.hasSuffix(".pack") })
    try repository.locked { locked in
      // As `gc` would, had the pack been sparse.
      let other = PackFile(packing: (kept + gone).map { (Digest(hashing: $0), $0) })
      let digest = Digest(hashing: other.bytes)
      try OpenFile(repository.blobs.path(digest, .pack), O_WRONLY | O_CREAT).write(other.bytes, at: 0)
      var entry = LogEntry(.repacked, id: randomID(), by: .now())
      entry.from = Digest(hex: pack.dropFirst(3).dropLast(5))
      entry.to = digest
      _ = try locked.commit(entry)
    }
    try repository.sweep()
    #expect(!scratch.blobFiles().contains(pack))
    #expect(try repository.load("a") == kept)
    for file in scratch.blobFiles() where file.hasSuffix(".pack") { unlink(repository.blobs.root + "/" + file) }
    #expect(try repository.save(kept, "b").manifest == first.manifest)
    #expect(scratch.blobFiles().contains(pack))
    _ = try repository.collectGarbage()
    try repository.expectSound(["a@1": kept, "b@1": kept])
    try repository.reindex()
    _ = try repository.collectGarbage()
    try repository.expectSound(["a@1": kept, "b@1": kept])
  }

  @Test(arguments: JournalMode.allCases)
  func packsUnderHalfFullAreRewritten(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let kept = [bytes(500, seed: 1), bytes(600, seed: 2)]
    let gone = (0..<9).map { bytes(4_000, seed: 10 + $0) }
    try repository.save(kept + gone, "a")
    try repository.save(kept, "b")
    let old = try IndexCopy(repository)
    _ = try repository.remove(PathName(path: "a"))
    let before = try #require(scratch.blobFiles().first { $0.hasSuffix(".pack") })
    let report = try repository.collectGarbage()
    #expect(report.repackedPacks == 1)
    #expect(report.freed.bytes > 36_000)
    #expect(!scratch.blobFiles().contains(before))
    try repository.expectSound(["b@1": kept])
    #expect(try repository.collectGarbage().repackedPacks == 0)
    try old.putBack(repository, .whole)
    _ = try repository.collectGarbage()
    try repository.expectSound(["b@1": kept])
    try repository.reindex()
    #expect(try repository.checkpoints().map(\.state) == [.whole])
    _ = try repository.collectGarbage()
    try repository.expectSound(["b@1": kept])
    // A log made from the index says nothing of packs that were rewritten.
    unlink(repository.logPath)
    #expect(try verifyData(repository, repair: true).repaired.count == 1)
    _ = try repository.collectGarbage()
    try repository.expectSound(["b@1": kept])
    #expect(try repository.save(kept, "c").newBytes == 0)
  }
}
