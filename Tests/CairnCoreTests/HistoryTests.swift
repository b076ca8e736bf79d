import Testing

@testable import CairnCore

@Suite struct HistoryTests {
  private func drawn(_ parents: [Int?]) -> [String] {
    HistoryGraph(parents: parents).lines.map { line in line.lanes + (line.position.map { " \($0)" } ?? "") }
  }

  @Test func oneLineOfDescentIsOneLane() {
    #expect(drawn([1, 2, nil]) == ["* 0", "* 1", "* 2"])
    #expect(drawn([]) == [])
    // Two runs that were saved in turn do not mix.
    #expect(drawn([2, 3, nil, nil]) == ["* 0", "* 2", "* 1", "* 3"])
  }

  @Test func aRunThatResumesFromAnOlderVersionIsALaneOfItsOwn() {
    #expect(drawn([1, 3, 3, 4, nil]) == ["* 0", "* 1", "| * 2", "|/", "* 3", "* 4"])
    #expect(
      drawn([4, 4, 4, 4, nil]) == ["* 0", "| * 1", "| | * 2", "| | | * 3", "|_|_|/", "|_|/", "|/", "* 4"])
    // A lane that was free is used again, and lanes in between stay.
    #expect(drawn([5, 3, 3, 4, 5, nil]) == ["* 0", "| * 1", "| | * 2", "| |/", "| * 3", "| * 4", "|/", "* 5"])
  }

  @Test func hostileDescentIsDrawnSomehow() {
    #expect(drawn([1, 0]).count == 2)
    #expect(drawn([0]) == ["* 0"])
    #expect(drawn([7, -1]) == ["* 0", "* 1"])
    var random = SeededGenerator(seed: 5)
    for count in 0..<200 {
      let parents = (0..<count).map { _ in Bool.random(using: &random) ? Int.random(in: 0..<count, using: &random) : nil
      }
      let positions = HistoryGraph(parents: parents).lines.compactMap(\.position)
      #expect(positions.sorted() == Array(0..<count))
    }
    #expect(HistoryGraph(parents: (1...100_000).map { $0 < 100_000 ? $0 : nil }).lines.count == 100_000)
  }

  @Test func linesPassWhatIsNotListed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...5 { try repository.save([bytes(100, seed: UInt64(seed))], "a") }
    try repository.save([bytes(100, seed: 9)], "b")
    let all = try repository.checkpoints()
    #expect(try repository.nearestAncestors(all) == [nil, 2, 3, 4, 5, nil])
    let some = all.filter { ["a@5", "a@4", "a@1"].contains($0.name) }
    #expect(try repository.nearestAncestors(some) == [1, 2, nil])
    _ = try repository.remove(PathName(parsing: "a@3"))
    #expect(try repository.nearestAncestors(some) == [1, nil, nil])
    let relatives = try repository.relatives(of: all[2])
    #expect(relatives == CheckpointRelatives(parent: nil, children: ["a@5"]))
  }

  @Test func sharedBytesAreThoseThatTheParentHas() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    func shared(_ name: String) throws -> Int? {
      let record = try repository.checkpoint(PathName(parsing: name))
      return try repository.bytesSharedWithParent([record])[record.id]
    }
    let (backbone, head) = (bytes(200_000, seed: 1), bytes(10_000, seed: 2))
    var grown = backbone
    grown[70_000] ^= 1
    grown += [1, 2, 3]
    try repository.save([backbone, head], "a")
    try repository.save([backbone, bytes(10_000, seed: 3)], "a")
    try repository.save([grown, bytes(10_000, seed: 3)], "a")
    try repository.save([grown, bytes(10_000, seed: 3)], "a")
    try repository.save([bytes(50, seed: 4), bytes(60, seed: 5)], "a")
    #expect(try shared("a@1") == nil)
    #expect(try shared("a@2") == 200_000)
    // Of four blobs the second and the last have changed.
    #expect(try shared("a@3") == 2 * 65_536 + 10_000)
    #expect(try shared("a@4") == repository.checkpoint(PathName(parsing: "a@4")).size)
    #expect(try shared("a@5") == 0)
    let all = try repository.checkpoints()
    #expect(try repository.bytesSharedWithParent(all).count == 4)
    _ = try repository.remove(PathName(parsing: "a@4"))
    #expect(try shared("a@5") == nil)
  }

  @Test func runsAddUpTheirCheckpoints() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for (step, loss) in [(10, 0.5), (30, 0.1), (20, nil), (40, 0.2)] as [(Int, Double?)] {
      var request = SaveRequest(path: "last")
      request.run = "first"
      request.runMetadata = ["gpus": 8]
      request.step = step
      request.metrics["loss"] = loss
      _ = try repository.save(content([bytes(1_000, seed: UInt64(step))]), request)
    }
    var request = SaveRequest(path: "other")
    request.run = "second"
    let report = try repository.save(content([bytes(1_000, seed: 10)]), request)
    let runs = try repository.runs()
    #expect(runs.map(\.name) == ["second", "first"])
    #expect(runs[1].checkpoints == 4)
    #expect(runs[1].firstStep == 10 && runs[1].lastStep == 40)
    #expect(runs[1].metrics == ["loss": RunRecord.Metric(last: 0.2, min: 0.1, max: 0.5)])
    #expect(runs[1].size == (try repository.checkpoints(run: "first").reduce(0) { $0 + $1.size }))
    #expect(runs[1].newBytes == 4_000)
    #expect(runs[1].metadata == ["gpus": 8])
    #expect(runs[0].newBytes == 0 && runs[0].firstStep == nil && runs[0].metrics.isEmpty)
    #expect(runs[0].lastSaved == (try repository.checkpoint(id: report.id)?.created))
    #expect(try repository.runs(limit: 1).map(\.name) == ["second"])
    _ = try repository.remove(PathName(path: "other"))
    #expect(try repository.runs().map(\.checkpoints) == [0, 4])
  }
}
