import Foundation
import GRDB
import Synchronization
import Testing

@testable import CairnCore

/// `verify --read-data` of a large repository takes hours: others go on meanwhile, it can be done in parts, and it is
/// known when it was done.
@Suite struct LongVerificationTests {
  private let storages = (0..<8).map { bytes(70_000, seed: UInt64($0) + 1) }

  /// Verifies, and does something once, in the middle of reading data.
  private func verify(_ repository: Repository, meanwhile: @escaping @Sendable () throws -> Void) throws -> VerifyReport
  {
    let isDone = Mutex(false)
    var options = VerifyOptions()
    options.readData = true
    options.progress = { _, _ in
      let isFirst = isDone.withLock { done in
        defer { done = true }
        return !done
      }
      guard isFirst else { return }
      do { try meanwhile() } catch { Issue.record("meanwhile: \(error)") }
    }
    let report = try repository.verify(options)
    #expect(isDone.withLock { $0 })
    return report
  }

  @Test func noReadTransactionIsHeldWhileDataIsRead() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(.wal)
    try repository.save(storages, "a")
    let report = try verify(repository) {
      let other = try Repository(opening: scratch.path)
      for number in 0..<3 { try other.save([bytes(5_000, seed: 100 + UInt64(number))], "b") }
      // A reader at work would have kept it from being emptied, and it would grow for hours.
      #expect(try Files.status(other.indexPath + "-wal")?.size ?? 0 == 0)
    }
    #expect(report.problems == [])
  }

  @Test(arguments: JournalMode.allCases)
  func savesAndRemovalsMeanwhileAreNoProblems(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    try repository.save([storages[0]], "kept")
    let storages = storages
    let report = try verify(repository) {
      let other = try Repository(opening: scratch.path)
      _ = try other.remove(PathName(path: "a"))
      _ = try other.collectGarbage()
      try other.save(Array(storages[..<2]), "b")
      try other.reindex()
    }
    #expect(report.problems == [])
    #expect(!scratch.blobFiles().contains { $0.hasSuffix(".bad") })
    try repository.expectSound(["b@1": Array(storages[..<2]), "kept@1": [storages[0]]])
  }

  @Test(arguments: JournalMode.allCases)
  func whatIsRemovedAndThenSavedAgainMeanwhileIsNotMissing(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let gone = (0..<40).map { bytes(70_000, seed: 1_000 + UInt64($0)) }
    try repository.save(gone, "a")
    let isFirst = Mutex(true)
    var options = VerifyOptions()
    options.readData = true
    options.progress = { done, total in
      do {
        // The others wait for this, and find nothing afterwards.
        try isFirst.withLock { isFirst in
          if isFirst { _ = try Repository(opening: scratch.path).remove(PathName(path: "a")) }
          isFirst = false
        }
        if done == total { try Repository(opening: scratch.path).save(gone, "b") }
      } catch { Issue.record("meanwhile: \(error)") }
    }
    #expect(try repository.verify(options).problems == [])
    try repository.expectSound(["b@1": gone])
  }

  @Test(arguments: JournalMode.allCases)
  func partsReadEachBlobOnceAndFindWhatTheWholeFinds(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    var options = VerifyOptions()
    options.readData = true
    let all = try repository.verify(options).bytesRead
    let path = repository.blobs.path(Digest(hashing: storages[3].prefix(65_536)), .raw)
    var content = try #require(try Files.contents(path))
    content[7] ^= 4
    try Files.unlink(path)
    try OpenFile(path, O_WRONLY | O_CREAT).write(content, at: 0)
    var found: [[String]] = []
    var sum = 0
    for part in 1...3 {
      options.subset = (part, 3)
      let report = try repository.verify(options)
      sum += report.bytesRead
      found.append(report.problems.flatMap(\.hurts).flatMap(\.tensors))
    }
    #expect(sum == all)
    // Set aside by the part that has found it, it is missing for the others after that.
    let first = try #require(found.firstIndex { !$0.isEmpty })
    #expect(found[..<first].allSatisfy(\.isEmpty) && found[first...].allSatisfy { $0 == ["t3"] })
  }

  @Test(arguments: JournalMode.allCases)
  func theTimeOfTheLastVerificationIsKept(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    let began = timestamp(Date())
    var options = VerifyOptions()
    _ = try repository.verify(options)
    options.readData = true
    _ = try repository.verify(options)
    options.subset = (2, 7)
    _ = try repository.verify(options)
    let kept = try repository.verifications()
    #expect(kept.map(\.kind).sorted() == ["data", "data 2/7", "files"])
    #expect(kept.allSatisfy { $0.problems == 0 && $0.finished >= began })
    try repository.reindex()
    #expect(try repository.verifications() == kept, "an index that is made anew takes it along")
    IndexCopy.delete(repository)
    #expect(try repository.verifications() == [])
  }
}
