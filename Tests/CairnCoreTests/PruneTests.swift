import Foundation
import GRDB
import Testing

@testable import CairnCore

/// Pruning a repository: what a plan says is what happens.
@Suite struct PruneTests {
  private func policy(_ fill: (inout PrunePolicy) -> Void) -> PrunePolicy {
    var policy = PrunePolicy()
    fill(&policy)
    return policy
  }

  @discardableResult
  private func save(
    _ repository: Repository, _ storages: [[UInt8]], _ path: String, run: String? = nil, step: Int? = nil,
    loss: Double? = nil, tags: [String] = []
  ) throws -> SaveReport {
    var request = SaveRequest(path: path)
    (request.run, request.step, request.tags) = (run, step, tags)
    if let loss { request.metrics = ["loss": loss] }
    return try repository.save(content(storages), request)
  }

  private func sizes(_ scratch: Scratch) throws -> Int {
    try scratch.blobFiles().reduce(0) { $0 + (try Files.status(scratch.path + "/.cairn/blobs/" + $1)?.size ?? 0) }
  }

  @Test(arguments: JournalMode.allCases, 1...6)
  func whatWouldBeFreedIsFreedToTheByte(_ journal: JournalMode, seed: Int) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    var random = SeededGenerator(seed: UInt64(seed))
    let pool = [1, 60, 2_000, 4_096, 4_097, 66_000, 200_000].enumerated().flatMap { index, size in
      (0..<4).map { bytes(size, seed: UInt64(10 * index + $0 + 1)) }
    }
    for step in 0..<40 {
      try save(
        repository, (0..<Int.random(in: 0...5, using: &random)).map { _ in pool.randomElement(using: &random) ?? [] },
        ["a", "b", "c"].randomElement(using: &random) ?? "a",
        run: ["x", "y", nil].randomElement(using: &random) ?? nil,
        step: step, loss: Double.random(in: 0...1, using: &random), tags: step % 13 == 0 ? ["t\(step)"] : [])
    }
    let policies = [
      policy { $0.keepLast = 12 }, policy { ($0.keepEvery, $0.grouping) = (6, .all) },
      policy { $0.keepBest = [.init("loss", count: 2)] }, policy { $0.keepTagged = true },
    ]
    for policy in policies {
      let log = try Files.contents(repository.logPath)
      let before = try (repository.listing(), scratch.blobFiles(), sizes(scratch))
      let plan = try repository.planPrune(policy)
      #expect(try Files.contents(repository.logPath) == log)
      #expect(try repository.listing() == before.0 && scratch.blobFiles() == before.1)
      // Whichever way it is calculated.
      let removed = Set(plan.removed.map(\.id))
      let another = try repository.read { db in
        var estimate = ReleaseEstimate(db, fewManifests: 0)
        for row in try Row.fetchAll(db, sql: "SELECT uid, manifest_id FROM checkpoint") where removed.contains(row[0]) {
          estimate.release(manifest: row[1])
        }
        return try estimate.freed(repository)
      }
      #expect(removed.isEmpty || another == plan.freed)
      let report = try repository.prune(policy, force: true)
      #expect(report.groups == plan.groups)
      #expect(report.removal.freed == plan.freed)
      #expect(report.removal.removed == plan.removed.map(\.name))
      #expect(try sizes(scratch) == before.2 - plan.freed.bytes)
      #expect(scratch.blobFiles().count == before.1.count - plan.freed.files)
      #expect(try repository.wrongCounts() == [])
      #expect(Set(try repository.names()) == Set(plan.kept.map(\.checkpoint.name)))
      #expect(try repository.verify().problems == [])
    }
    #expect(try repository.names().count == 4, "the tagged ones")
  }

  @Test func whatAnEarlierRemovalHasLeftIsCountedToo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...3 { try save(repository, [bytes(50_000, seed: UInt64(seed)), [UInt8(seed)]], "a") }
    // A remover that died before its sweep.
    let id = try repository.checkpoint(PathName(parsing: "a@1")).id
    _ = try repository.locked { try $0.commitRemoval(of: [id]) }
    let policy = policy { $0.keepLast = 1 }
    let plan = try repository.planPrune(policy)
    #expect(plan.removed.map(\.name) == ["a@2"])
    #expect(plan.freed.bytes > 100_000)
    #expect(try repository.prune(policy).removal.freed == plan.freed)
    #expect(try repository.planPrune(policy).freed == Freed())
    _ = try repository.save([[1]], "b")
    let other = try repository.checkpoint(PathName(path: "b")).id
    _ = try repository.locked { try $0.commitRemoval(of: [other]) }
    // With nothing to remove, the sweep frees it all the same.
    let rest = try repository.planPrune(policy)
    #expect(rest.removed.isEmpty && rest.freed.files > 0)
    #expect(try repository.prune(policy).removal.freed == rest.freed)
  }

  @Test func oneThatCannotBeReadKeepsEverythingInItsPlace() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...3 { try save(repository, [bytes(50_000, seed: UInt64(seed))], "a") }
    let lost = try save(repository, [bytes(9, seed: 9)], "b")
    unlink(repository.blobs.path(lost.manifest, .zstd))
    try repository.reindex()
    let policy = policy { $0.keepLast = 1 }
    let plan = try repository.planPrune(policy)
    #expect(plan.kept.map { "\($0.checkpoint.name) \($0.rules)" } == ["b@1 [incomplete]", "a@3 [last]"])
    #expect(plan.removed.map(\.name) == ["a@2", "a@1"])
    #expect(plan.freed == Freed())
    let report = try repository.prune(policy)
    #expect(report.removal.freed == Freed())
    #expect(report.removal.warnings == [Repository.unreadableWarning])
  }

  @Test func aPolicyThatKeepsNothingNeedsForce() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try save(repository, [[1]], "a", run: "r", loss: 1)
    try save(repository, [[2]], "b")
    let policy = policy { $0.keepBest = [.init("loss")] }
    #expect(try repository.planPrune(policy).groups.map(\.keepsNothing) == [true, false])
    #expect(failure { try repository.prune(policy) } == .invalid)
    #expect(message { try repository.prune(policy) }.contains("nothing would stay of path b"))
    #expect(try repository.names() == ["a@1", "b@1"])
    #expect(try repository.prune(policy, force: true).removal.removed == ["b@1"])
    #expect(failure { try repository.prune(PrunePolicy(), force: true) } == .invalid)
    #expect(try repository.names() == ["a@1"])
  }

  @Test func whatIsNotKnownIsRefused() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try save(repository, [[1]], "a", run: "r", loss: 1)
    try save(repository, [[2]], "a", run: "s")
    var selection = PruneSelection()
    selection.run = "none"
    #expect(failure { try repository.prune(policy { $0.keepLast = 1 }, selection, force: true) } == .notFound)
    // A misspelt metric must not remove what is best.
    let misspelt = policy { $0.keepBest = [.init("losss")] }
    #expect(failure { try repository.prune(misspelt, force: true) } == .invalid)
    #expect(message { try repository.planPrune(misspelt) }.contains("there are loss"))
    selection.run = "s"
    #expect(failure { try repository.prune(policy { $0.keepBest = [.init("loss")] }, selection) } == .invalid)
    #expect(try repository.names() == ["a@1", "a@2"])
  }

  @Test func onlyTheSelectionIsPruned() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for step in 1...3 {
      for (path, run) in [("a", "r"), ("b", "r"), ("a", "s")] {
        try save(repository, [[9]], path, run: run, step: step)
      }
    }
    var selection = PruneSelection()
    (selection.run, selection.paths) = ("r", ["a"])
    let last = policy { $0.keepLast = 1 }
    #expect(try repository.prune(last, selection).removal.removed == ["a@3", "a@1"])
    selection = PruneSelection()
    selection.paths = ["b"]
    #expect(try repository.prune(last, selection).removal.removed == ["b@2", "b@1"])
    #expect(try repository.prune(last).removal.removed == ["a@4", "a@2", "a@5"])
    #expect(try repository.names() == ["a@6", "b@3"])
  }
}
