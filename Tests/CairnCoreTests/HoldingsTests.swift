import Foundation
import Testing

@testable import CairnCore

@Suite struct HoldingsTests {
  /// Checkpoints of three runs, and of none, at four paths, which share large and small storages at random.
  private func seeded(_ scratch: Scratch, seed: UInt64) throws -> Repository {
    let repository = try scratch.repository()
    var random = SeededGenerator(seed: seed)
    let pool = (0..<24).map { bytes($0 % 3 == 0 ? 150_000 : 200 + 10 * $0, seed: UInt64($0 + 1)) }
    for number in 0..<14 {
      var request = SaveRequest(path: "p\(Int.random(in: 0..<4, using: &random))")
      let run = Int.random(in: 0..<4, using: &random)
      request.run = run == 0 ? nil : "run\(run)"
      var storages = pool.shuffled(using: &random).prefix(4)
      if number % 3 == 0 { storages.append(bytes(300, seed: 1_000 + UInt64(number))) }
      // Now and then the same checkpoint as one before, down to its manifest.
      _ = try repository.save(content(number % 5 == 4 ? [pool[0], pool[1]] : Array(storages)), request)
    }
    return repository
  }

  private func copy(_ repository: Repository, _ scratch: Scratch) throws -> Repository {
    let place = scratch.path + "/copy-" + randomID(bytes: 4)
    try FileManager.default.copyItem(atPath: repository.path, toPath: place)
    return try Repository(opening: place)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func whatAGroupHoldsAloneIsWhatRemovingItFrees(_ seed: UInt64) throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch, seed: seed)
    let all = try repository.checkpoints()
    for key in HoldingKey.allCases {
      let holdings = try repository.holdings(by: key)
      #expect(holdings.groups.reduce(0) { $0 + $1.checkpoints } == all.count)
      for group in holdings.groups {
        let members = all.filter {
          switch key {
          case .run: $0.run == group.name
          case .path: $0.path == group.name
          case .version: $0.name == group.name
          }
        }
        #expect(members.count == group.checkpoints)
        #expect(members.reduce(0) { $0 + $1.size } == group.logicalBytes)
        let copy = try copy(repository, scratch)
        let freed = try copy.remove(ids: members.map(\.id)).freed
        #expect(freed.bytes == group.held.freed, "\(key) \(group.name ?? "-")")
        #expect(freed.files == group.held.freedFiles)
        #expect(group.held.own >= group.held.packed && group.held.shared >= 0)
      }
    }
  }

  @Test func theTotalIsWhatRemovingAllFrees() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch, seed: 4)
    let everything = try repository.holdings(by: .run).total
    let stats = try repository.stats()
    #expect(everything.held.freed == stats.storedBytes)
    #expect(everything.logicalBytes == stats.logicalBytes)
    #expect(everything.held.shared == 0 && everything.held.packed == 0)
    #expect(try repository.holdings(by: .version).total == everything)
    // Of some: what they share with each other only counts for all of them together.
    let names = [PathName(path: "p0", version: nil), PathName(path: "p1", version: nil)]
    let some = try repository.holdings(by: .path, of: names)
    #expect(Set(some.groups.map(\.name)).isSubset(of: ["p0", "p1"]))
    let freed = try repository.remove(names).freed
    #expect(freed.bytes == some.total.held.freed)
    #expect(some.total.held.freed >= some.groups.reduce(0) { $0 + $1.held.freed })
  }

  @Test func smallBlobsWaitInTheirPackForTheOthers() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let small = (0..<10).map { bytes(1_000, seed: UInt64($0 + 1)) }
    try repository.save(small, "all")
    try repository.save([small[0]], "one")
    let holdings = try repository.holdings(by: .path)
    let group = try #require(holdings.groups.first { $0.name == "all" })
    #expect(group.held.packed == 9_000)
    #expect(group.held.shared == 1_000)
    // Its manifest alone.
    #expect(group.held.freedFiles == 1)
    #expect(try repository.remove(PathName(path: "all", version: nil)).freed.bytes == group.held.freed)
    // A tenth of the pack is needed: gc writes a smaller one.
    #expect(try repository.collectGarbage().freed.bytes >= group.held.packed)
    #expect(try repository.holdings(by: .path).total.held.freed == repository.stats().storedBytes)
  }

  @Test func anUnreadableManifestKeepsEverything() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch, seed: 5)
    #expect(try !repository.holdings(by: .run).isBlocked)
    let record = try repository.checkpoints()[0]
    try FileManager.default.removeItem(atPath: repository.blobs.path(record.manifest, .zstd))
    try repository.reindex()
    #expect(try repository.holdings(by: .run).isBlocked)
  }

  @Test func tensorsAreAddedUpByTheBeginningOfTheirNames() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    func save(_ names: [String], _ storages: [[UInt8]], tied: Bool = false) throws {
      var content = content(storages)
      for index in content.tensors.indices { content.tensors[index].name = names[index] }
      if tied {
        var view = content.tensors[0]
        view.name = names[storages.count]
        content.tensors.append(view)
      }
      _ = try repository.save(content, SaveRequest(path: "last"))
    }
    let (a, b, c) = (bytes(10_000, seed: 1), bytes(20_000, seed: 2), bytes(30_000, seed: 3))
    // The head is tied to the embedding: a view on the same storage.
    try save(["model.embedding", "model.block.0", "model.head"], [a, b], tied: true)
    try save(["model.embedding", "model.block.0", "model.head"], [a, c], tied: true)
    let coarse = try repository.holdings(byTensorPrefix: 1)
    #expect(coarse.map(\.prefix) == ["model"])
    #expect(coarse[0].logicalBytes == 70_000)
    #expect(coarse[0].storedBytes == 60_000)
    #expect(coarse[0].names == 3)
    let fine = try repository.holdings(byTensorPrefix: 2)
    #expect(fine.map(\.prefix) == ["model.block", "model.embedding", "model.head"])
    #expect(fine.map(\.logicalBytes) == [50_000, 20_000, 20_000])
    #expect(fine.map(\.storedBytes) == [50_000, 10_000, 10_000])
    #expect(fine.map(\.ownBytes) == [50_000, 0, 0])
    #expect(try repository.holdings(byTensorPrefix: 9).map(\.names) == [1, 1, 1])
  }

  @Test func growthEndsAtWhatThereIs() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    #expect(try repository.growth(stretches: 10).points == [])
    let other = try Scratch()
    let seeded = try seeded(other, seed: 6)
    defer { withExtendedLifetime(other) {} }
    let growth = try seeded.growth(stretches: 10)
    let stats = try seeded.stats()
    let last = try #require(growth.points.last)
    #expect(growth.points.count <= 10)
    #expect(last.checkpoints == 14)
    #expect(last.logicalBytes == stats.logicalBytes)
    #expect(last.storedBytes == stats.storedBytes)
    for (before, after) in zip(growth.points, growth.points.dropFirst()) {
      #expect(before.storedBytes <= after.storedBytes && before.time < after.time)
    }
  }

  @Test func timesAreReadAndWritten() {
    for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2000-03-01T12:00:00Z", "1969-12-31T23:59:58Z"] {
      #expect(UTCSeconds.parse(text).map(UTCSeconds.text) == text)
    }
    #expect(UTCSeconds.parse("2026-11-25T00:46:14.146Z") == 1_795_567_574)
    #expect(UTCSeconds.parse("yesterday") == nil)
    #expect(UTCSeconds.parse("2026-13-25T00:46:14.146Z") == nil)
  }

  @Test func rowNumbersTakeAnyIDs() {
    var numbers = RowNumbers(rows: 3)
    for id in [-5, 7, .max] as [Int64] { numbers.add(id) }
    #expect(numbers[-5] == 0 && numbers[7] == 1 && numbers[.max] == 2)
    #expect(numbers[6] == nil && numbers[8] == nil && numbers[.min] == nil)
  }
}
