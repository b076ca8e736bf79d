import Foundation
import GRDB
import Testing

@testable import CairnCore

/// A checkpoint that was saved for a pointer is marked so: in the log, in the index, whatever becomes of that.
@Suite struct PointerMarkTests {
  private func marks(_ repository: Repository) throws -> [String: Bool] {
    Dictionary(uniqueKeysWithValues: try repository.checkpoints().map { ($0.name, $0.pointer) })
  }

  @Test(arguments: JournalMode.allCases)
  func theMarkIsInTheLogAndSurvivesReindexing(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    var request = SaveRequest(path: "a")
    request.pointer = true
    _ = try repository.save(content([[1]]), request)
    try repository.save([[1]], "a")
    // A copy is its own: it is marked if it asks for it.
    _ = try repository.copy(PathName(parsing: "a@1"), SaveRequest(path: "b"))
    request.path = "c"
    _ = try repository.copy(PathName(parsing: "a@2"), request)
    let expected = ["a@1": true, "a@2": false, "b@1": false, "c@1": true]
    #expect(try marks(repository) == expected)
    try repository.reindex()
    #expect(try marks(repository) == expected)
    let log = String(decoding: try #require(try Files.contents(repository.logPath)), as: UTF8.self)
    #expect(log.split(separator: "\n").map { $0.contains(#""pointer":true"#) } == [false, true, false, false, true])
    #expect(!log.contains(#""pointer":false"#))
  }

  /// An index that a Cairn before the mark has made.
  @Test(arguments: JournalMode.allCases)
  func anOlderIndexIsBroughtForward(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([[1]], "a")
    let older = try DatabaseQueue(path: repository.indexPath)
    try older.write { db in
      try db.execute(sql: "ALTER TABLE checkpoint DROP COLUMN pointer_path")
      try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = '0003_pointers'")
    }
    try older.close()
    #expect(try marks(Repository(opening: scratch.path)) == ["a@1": false])
    var request = SaveRequest(path: "a")
    request.pointer = true
    _ = try repository.save(content([[2]]), request)
    #expect(try marks(repository) == ["a@1": false, "a@2": true])
    try repository.expectSound(["a@1": [[1]], "a@2": [[2]]])
  }
}
