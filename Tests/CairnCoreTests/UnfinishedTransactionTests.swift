import Foundation
import GRDB
import Glibc
import Testing

@testable import CairnCore

/// What a writer leaves of the index that dies in the middle of a transaction: in journal mode `delete`, a journal that
/// only one who may write can roll back.
@Suite struct UnfinishedTransactionTests {
  /// A copy of a repository, taken in the middle of a transaction of its index.
  private func interrupted(_ scratch: Scratch, _ journal: JournalMode) throws -> String {
    let repository = try scratch.repository(journal)
    try repository.save([bytes(9_000, seed: 1)], "a")
    repository.close()
    let copy = scratch.path + "/copy"
    let index = try DatabaseQueue(path: repository.indexPath)
    try index.writeWithoutTransaction { db in
      try db.execute(sql: "BEGIN IMMEDIATE; UPDATE log_position SET bytes = 0; DELETE FROM checkpoint")
      try FileManager.default.copyItem(atPath: repository.path, toPath: copy)
      try db.execute(sql: "ROLLBACK")
    }
    if journal == .delete { #expect(try Files.status(copy + "/index.sqlite-journal")?.size ?? 0 > 0) }
    return copy
  }

  @Test(arguments: JournalMode.allCases)
  func readersFindWhatWasThereBefore(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try Repository(opening: interrupted(scratch, journal))
    #expect(try repository.names() == ["a@1"])
    try repository.expectSound(["a@1": [bytes(9_000, seed: 1)]])
  }

  @Test(arguments: JournalMode.allCases)
  func soDoThoseThatReadAlready(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let copy = try interrupted(scratch, journal)
    let reader = try Repository(opening: scratch.path)
    #expect(try reader.names() == ["a@1"])
    // In place, so that its open connection comes upon the journal.
    for ending in ["", "-journal"] {
      guard let content = try Files.contents(copy + "/index.sqlite" + ending) else { continue }
      try OpenFile(reader.indexPath + ending, O_WRONLY | O_CREAT).write(content, at: 0)
    }
    #expect(try reader.names() == ["a@1"])
  }

  @Test func whoMayNotWriteReadsACopy() throws {
    let scratch = try Scratch()
    let copy = try interrupted(scratch, .delete)
    let connection = try IndexFile.openWithoutWriting(copy + "/index.sqlite", lock: copy + "/lock")
    let count = try #require(connection).queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM checkpoint") }
    #expect(count == 1)
    #expect(try Files.status(copy + "/index.sqlite-journal")?.size ?? 0 > 0, "the repository is as it was")
  }

  @Test func failuresOfTheIndexNameIt() throws {
    let full = DatabaseError(resultCode: .SQLITE_FULL, message: "database or disk is full")
    let error = try #require(named(full, index: "/r/index.sqlite") as? CairnError)
    #expect(error.kind == .noSpace)
    #expect(error.message.contains("/r/index.sqlite"))
    #expect(isNoSpace(DatabaseError(resultCode: .SQLITE_IOERR_WRITE)), "a quota that is used up")
    let wrong = DatabaseError(resultCode: .SQLITE_ERROR, message: "no such column")
    #expect(named(wrong, index: "/r/index.sqlite") is DatabaseError)
  }
}
