import Foundation
import GRDB
import Testing

@testable import CairnCore

/// Saves that leave the index behind, for whoever comes next.
@Suite struct IndexLaterTests {
  private func request(_ path: String) -> SaveRequest {
    var request = SaveRequest(path: path)
    request.indexLater = true
    return request
  }

  /// What the index says now, whatever the log says.
  private func indexed(_ repository: Repository) throws -> Int {
    let connection = try #require(try repository.readerConnection())
    return try connection.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM checkpoint") ?? 0 }
  }

  @Test(arguments: JournalMode.allCases)
  func whoeverReadsNextFindsAllOfThem(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let shared = bytes(200_000, seed: 1)
    try repository.save([shared], "a")
    // The third reuses what only the log knows of, and the fourth is the same again.
    let states = [
      [shared, bytes(3_000, seed: 2)], [shared, bytes(3_000, seed: 2), bytes(90_000, seed: 3)],
    ]
    for (path, state) in [("b", states[0]), ("c", states[1])] {
      let before = try indexed(repository)
      #expect(try repository.save(content(state), request(path)).warnings == [])
      #expect(try indexed(repository) <= before + (path == "b" ? 0 : 1))
    }
    let old = try IndexCopy(repository)
    #expect(try repository.save(content(states[1]), request("c")).warnings == [])
    try old.putBack(repository, .whole)
    #expect(try indexed(repository) == 2)
    try Repository(opening: scratch.path)
      .expectSound(["a@1": [shared], "b@1": states[0], "c@1": states[1], "c@2": states[1]])
    #expect(try indexed(repository) == 4)
  }

  @Test(arguments: JournalMode.allCases)
  func aRemovalOfNothingCatchesUpAndFrees(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([bytes(200_000, seed: 1)], "a")
    var replacing = request("a")
    replacing.keepVersions = 1
    _ = try repository.save(content([bytes(100_000, seed: 2)]), replacing)
    #expect(try indexed(repository) == 1)
    let there = scratch.blobFiles().count
    let removal = try repository.remove(ids: [])
    #expect(removal.freed.bytes >= 200_000)
    #expect(removal.warnings == [])
    #expect(scratch.blobFiles().count == there - removal.freed.files)
    #expect(try indexed(repository) == 1)
    try repository.expectSound(["a@2": [bytes(100_000, seed: 2)]])
  }

  @Test func aRunATagAndAVersionAreKnownToTheNextSave() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for turn in 1...3 {
      var wanted = request("a")
      wanted.run = "r"
      wanted.tags = ["newest"]
      wanted.metrics = ["loss": Double(turn)]
      #expect(try repository.save(content([bytes(100, seed: UInt64(turn))]), wanted).version == turn)
    }
    let newest = try repository.checkpoint(PathName(path: "newest"))
    #expect(newest.name == "a@3" && newest.metrics == ["loss": 3] && newest.run == "r")
    #expect(try repository.checkpoints().map(\.tags) == [["newest"], [], []])
    #expect(try repository.wrongCounts() == [])
  }

  @Test func whatIsHealedIsWholeAtOnce() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let state = [bytes(200_000, seed: 1), bytes(100, seed: 2)]
    try repository.save(state, "a")
    for file in scratch.blobFiles() where !file.hasSuffix(".zst") { unlink(repository.blobs.root + "/" + file) }
    _ = try repository.verify(VerifyOptions())
    #expect(try repository.checkpoints().map(\.state) == [.incomplete])
    _ = try repository.save(content(state), request("a"))
    // Before a verification says so.
    #expect(try repository.checkpoints().map(\.state) == [.whole, .whole])
    try repository.expectSound(["a@1": state, "a@2": state])
  }

  /// Otherwise no index could ever get past its line.
  @Test func aLineThatNoIndexCouldTakeIsNotAppended() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let report = try repository.save([bytes(100, seed: 1)], "a")
    let size = try Files.status(repository.logPath)?.size
    var second = LogEntry(.saved, id: report.id, by: .now())
    (second.path, second.version, second.manifest) = ("b", 1, report.manifest)
    #expect(throws: DatabaseError.self) {
      try repository.locked { locked in try locked.commit(second, indexLater: true) }
    }
    #expect(try Files.status(repository.logPath)?.size == size)
    try repository.save([bytes(100, seed: 3)], "c")
    try repository.expectSound(["a@1": [bytes(100, seed: 1)], "c@1": [bytes(100, seed: 3)]])
  }
}
