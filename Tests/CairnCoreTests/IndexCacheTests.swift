import Foundation
import GRDB
import Testing

@testable import CairnCore

/// The index is a cache: whatever becomes of its file, nothing is lost and all counts are right.
@Suite struct IndexCacheTests {
  @Test(arguments: JournalMode.allCases)
  func reindexGivesBackAllThatUsersSee(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    var first = SaveRequest(path: "runs/a")
    first.run = "first run"
    first.runMetadata = ["lr": 0.5]
    first.step = 10
    first.epoch = 1
    first.metrics = ["val/loss": 0.1, "top@5": 1e300, "bad": .nan]
    first.tags = ["best", "keep"]
    first.metadata = ["note": "é\n\u{1F600}", "nested": ["a": [1, 2.5, nil, true]]]
    let report = try repository.save(content([bytes(100_000, seed: 1)], metadata: ["hparams": ["x": 1]]), first)
    #expect(report.warnings.count == 1)
    var second = first
    second.path = "runs/b"
    second.tags = ["best"]
    second.parent = nil
    _ = try repository.save(content([bytes(100_000, seed: 1), bytes(5, seed: 2)]), second)
    for seed in 1...4 { try repository.save([bytes(5_000, seed: UInt64(seed) + 10)], "last", keep: 2) }
    try repository.save([bytes(100, seed: 9)], "removed")
    _ = try repository.remove(PathName(path: "removed"))
    _ = try repository.copy(PathName(path: "runs/a"), SaveRequest(path: "copied"))
    let before = try repository.listing()
    #expect(before.map(\.name).sorted() == ["copied@1", "last@3", "last@4", "runs/a@1", "runs/b@1"])
    #expect(try repository.checkpoint(PathName(path: "best")).path == "runs/b")

    IndexCopy.delete(repository)
    let other = try Repository(opening: scratch.path)
    try other.reindex()
    #expect(try other.listing() == before)
    #expect(try repository.listing() == before)
    #expect(try repository.checkpoint(PathName(path: "best")).path == "runs/b")
    #expect(failure { try repository.checkpoint(PathName(path: "removed")) } == .removed)
    #expect(try repository.save([[1]], "removed").version == 2)
    #expect(try repository.save([[1]], "last").version == 5)
    let runs = try repository.read { try Row.fetchAll($0, sql: "SELECT name, metadata FROM run") }
    #expect(runs.map { $0[0] as String } == ["first run"])
    #expect(runs.map { $0[1] as String } == [#"{"lr":0.5}"#])
    #expect(try repository.wrongCounts() == [])
  }

  @Test(arguments: JournalMode.allCases, IndexCopy.How.allCases)
  func anOldIndexPutBackWhileOthersHaveItOpenLosesNothing(_ journal: JournalMode, how: IndexCopy.How) throws {
    // The copies are taken at several points: just made, after removals, between a replacement and now.
    for point in 0..<4 {
      let scratch = try Scratch()
      let repository = try scratch.repository(journal)
      let other = try Repository(opening: scratch.path)
      var holds: [String: [[UInt8]]] = [:]
      var old: IndexCopy?
      func step(_ number: Int) throws {
        if number == point { old = try IndexCopy(repository) }
      }
      func save(_ path: String, _ storages: [[UInt8]]) throws {
        holds["\(path)@\(try repository.save(storages, path).version)"] = storages
      }
      try save("a", [bytes(10_000, seed: 1), bytes(10, seed: 2)])
      try step(0)
      try save("b", [bytes(10_000, seed: 1), bytes(20, seed: 3)])
      _ = try other.names()
      try step(1)
      _ = try other.remove(PathName(path: "a"))
      holds["a@1"] = nil
      try step(2)
      try save("a", [bytes(20_000, seed: 4), bytes(10, seed: 2)])
      _ = try repository.collectGarbage()
      try step(3)
      _ = try other.remove(PathName(path: "b"))
      holds["b@1"] = nil
      try save("c", [bytes(20_000, seed: 4), bytes(20, seed: 3)])

      try #require(old).putBack(repository, how)
      _ = try other.collectGarbage()
      try repository.expectSound(holds)
      try save("c", [bytes(20_000, seed: 5), bytes(20, seed: 3)])
      try other.expectSound(holds)
      _ = try repository.collectGarbage()
      try Repository(opening: scratch.path).expectSound(holds)
    }
  }

  /// The write-ahead log begins anew every few MB: then an old main file and a newer -wal do not belong together.
  @Test(arguments: IndexCopy.How.allCases)
  func anOldIndexBesideALaterWriteAheadLogIsNotBelieved(_ how: IndexCopy.How) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var holds: [String: [[UInt8]]] = [:]
    func save(_ path: String, _ storages: [[UInt8]], _ handle: Repository) throws {
      holds["\(path)@\(try handle.save(storages, path).version)"] = storages
    }
    try save("a", [bytes(9_000, seed: 1)], repository)
    try save("b", [bytes(9_000, seed: 1), bytes(9_000, seed: 2)], repository)
    let old = try IndexCopy(repository)
    let main = try Data(contentsOf: URL(filePath: repository.indexPath))
    // Until the main file has changed, and then some more into the new -wal.
    var number: UInt64 = 100
    func many() throws {
      var request = SaveRequest(path: "many")
      request.metadata = ["filler": .string(String(repeating: "x", count: 100_000))]
      let storages = [bytes(9_000, seed: number)]
      holds["many@\(try repository.save(content(storages), request).version)"] = storages
      number += 1
    }
    while try Data(contentsOf: URL(filePath: repository.indexPath)) == main, number < 250 { try many() }
    #expect(number < 250)
    for _ in 0..<3 { try many() }
    _ = try repository.remove(PathName(path: "b"))
    holds["b@1"] = nil
    try save("c", [bytes(9_000, seed: 2)], repository)
    repository.close()
    try old.putBack(repository, how)
    let other = try Repository(opening: scratch.path)
    _ = try other.collectGarbage()
    try other.expectSound(holds)
  }

  @Test(arguments: JournalMode.allCases)
  func anIndexDeletedBetweenTwoSavesOfOtherHandlesIsMadeAnew(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let handles = try [scratch.repository(journal), Repository(opening: scratch.path)]
    var holds: [String: [[UInt8]]] = [:]
    for number in 0..<6 {
      let storages = [bytes(9_000, seed: UInt64(number / 2)), bytes(30, seed: UInt64(number))]
      holds["a@\(try handles[number % 2].save(storages, "a").version)"] = storages
      if number % 3 == 1 { IndexCopy.delete(handles[0]) }
      if number % 3 == 2 { unlink(handles[0].indexPath) }
      if number == 3 { unlink(handles[0].indexPath + "-wal") }
      _ = try handles[1 - number % 2].collectGarbage()
    }
    for handle in handles { try handle.expectSound(holds) }
  }

  /// Its own -wal unlinked: a connection that has it open writes where nobody else looks.
  @Test func aWriteAheadLogUnlinkedUnderAnOpenConnectionLosesNothing() throws {
    let scratch = try Scratch()
    let handles = try [scratch.repository(), Repository(opening: scratch.path)]
    var holds: [String: [[UInt8]]] = [:]
    for number in 0..<8 {
      let storages = [bytes(9_000, seed: UInt64(number / 2)), bytes(30, seed: UInt64(number))]
      holds["a@\(try handles[number % 2].save(storages, "a").version)"] = storages
      if number == 2 {
        unlink(handles[0].indexPath + "-wal")
        unlink(handles[0].indexPath + "-shm")
      }
      if number == 4 {
        _ = try handles[1].remove(PathName(parsing: "a@1"))
        holds["a@1"] = nil
      }
    }
    _ = try handles[0].collectGarbage()
    for handle in handles { try handle.expectSound(holds) }
  }

  enum Damage: CaseIterable { case randomBytes, randomMiddle, truncated, half, empty, foreign, another }

  @Test(arguments: JournalMode.allCases, Damage.allCases)
  func aDamagedIndexIsMovedAsideAndMadeAnew(_ journal: JournalMode, damage: Damage) throws {
    for hasOpenHandle in [false, true] {
      let scratch = try Scratch()
      let repository = try scratch.repository(journal)
      let storages = [bytes(70_000, seed: 1), bytes(10, seed: 2)]
      for path in ["a", "b"] { try repository.save(storages, path) }
      // Everything in the main file, as after a while.
      repository.close()
      let queue = try DatabaseQueue(path: repository.indexPath)
      if journal == .wal { try queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } }
      try queue.close()
      if hasOpenHandle { _ = try repository.names() }

      let path = repository.indexPath
      let whole = try #require(try Files.contents(path))
      var broken = whole
      var random = SeededGenerator(seed: 1)
      switch damage {
      case .randomBytes: broken = bytes(whole.count, seed: 5)
      case .randomMiddle:
        for index in 200..<whole.count { broken[index] = UInt8.random(in: 0...255, using: &random) }
      case .truncated: broken = Array(whole.dropLast(5_000))
      case .half: broken = Array(whole.prefix(whole.count / 2))
      case .empty: broken = []
      case .foreign, .another:
        let other = try Scratch()
        if damage == .another {
          let repository = try other.repository(journal)
          try repository.save([bytes(70_000, seed: 1)], "theirs")
          repository.close()
          let queue = try DatabaseQueue(path: repository.indexPath)
          if journal == .wal { try queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } }
          try queue.close()
          broken = try #require(try Files.contents(repository.indexPath))
        } else {
          let queue = try DatabaseQueue(path: other.path + "/foreign.sqlite")
          try queue.write { try $0.execute(sql: "CREATE TABLE checkpoint (a); INSERT INTO checkpoint VALUES (1)") }
          try queue.close()
          broken = try #require(try Files.contents(other.path + "/foreign.sqlite"))
        }
      }
      unlink(path)
      try OpenFile(path, O_WRONLY | O_CREAT, mode: 0o644).write(broken, at: 0)
      let holds = ["a@1": storages, "b@1": storages]
      if hasOpenHandle {
        try repository.expectSound(holds)
      }
      let other = try Repository(opening: scratch.path)
      _ = try other.collectGarbage()
      try other.expectSound(holds)
      #expect(try other.save(storages, "a").version == 2)
      let aside = try Files.contents(path + ".damaged")
      #expect(aside == broken, "kept as it was")
    }
  }

  @Test(arguments: JournalMode.allCases)
  func aDamagedPageAnywhereIsNoticedOrHarmless(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [bytes(70_000, seed: 1), bytes(10, seed: 2)]
    for path in ["a", "b", "c"] { try repository.save(storages, path) }
    repository.close()
    let queue = try DatabaseQueue(path: repository.indexPath)
    if journal == .wal { try queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } }
    try queue.close()
    let whole = try #require(try Files.contents(repository.indexPath))
    // A whole page of zeros, as a bad disk leaves it.
    for page in 1..<whole.count / 4_096 {
      var broken = whole
      for index in page * 4_096..<(page + 1) * 4_096 { broken[index] = 0 }
      IndexCopy.delete(repository)
      try OpenFile(repository.indexPath, O_WRONLY | O_CREAT, mode: 0o644).write(broken, at: 0)
      let other = try Repository(opening: scratch.path)
      var options = VerifyOptions()
      options.repair = true
      _ = try other.verify(options)
      #expect(try other.names() == ["a@1", "b@1", "c@1"])
      try other.reindex()
      try other.expectSound(["a@1": storages, "b@1": storages, "c@1": storages])
    }
  }
}
