import GRDB
import Testing

@testable import CairnCore

/// Sizes and ids that nobody but a damaged index, or one from somebody else, has.
@Suite struct HostileSizeTests {
  @Test func sumsThatAreTooLargeAreNoError() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...3 {
      var request = SaveRequest(path: "a")
      request.run = "r"
      _ = try repository.save(content([bytes(100_000, seed: UInt64(seed)), bytes(9_000, seed: 9)]), request)
    }
    let huge = Int64.max - 5
    try repository.locked { locked in
      try locked.write { db in
        for change in [
          "manifest SET size = \(huge), storage_bytes = \(huge)", "storage SET size = \(huge)",
          "blob SET stored = \(huge), size = \(huge)", "checkpoint SET new_bytes = \(huge)",
        ] {
          try db.execute(sql: "UPDATE " + change)
        }
      }
    }
    let stats = try repository.stats()
    #expect(stats.logicalBytes == .max)
    #expect(stats.storedBytes == .max)
    let run = try #require(try repository.runs().first)
    #expect(run.size == .max && run.newBytes == .max)
    #expect(try repository.bytesSharedWithParent(repository.checkpoints()).count == 2)
  }

  @Test func manifestsAreCountedWhateverTheirIDs() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...4 { try repository.save([bytes(100, seed: UInt64(seed % 3))], "a") }
    try repository.read { db in
      let ids = try Int64.fetchAll(db, sql: "SELECT id FROM manifest ORDER BY id")
      #expect(ids.count == 3)
      for range in [Int64.min...Int64.max, 1...Int64.max, -5...(1 << 40)] {
        let uses = try ManifestUses(range, db)
        #expect(uses.use(of: ids).count == 4)
        #expect(uses.use(of: [.min, .max, 0, -1]).count == 0)
        #expect(uses.use(of: ids).first == 1)
      }
    }
  }
}
