import Cairn
import Foundation
import Testing

/// Pruning what pointer files hold.
@Suite struct PrunePointersTests {
  private let last: PrunePolicy = {
    var policy = PrunePolicy()
    policy.keepLast = 1
    return policy
  }()

  private func names(_ repository: Repository) throws -> [String] { try repository.checkpoints().map(\.name).sorted() }

  private func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }

  /// A run of one pointer a step, as Lightning's callback leaves them.
  private func run(_ scratch: Scratch) throws -> Repository {
    let repository = try Repository.initialize(scratch.path + "/.cairn", chunkSize: 64 * 1024)
    for step in 1...3 { try repository.saveWithPointer(scratch.path + "/s\(step).ckpt", seed: step, run: "r") }
    return repository
  }

  @Test func withoutBeingToldNothingThatAPointerHoldsGoes() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    _ = try repository.saveState("plain", seed: 9, run: "r")
    _ = try repository.saveState("plain", seed: 9, run: "r")
    let report = try repository.prune(last)
    #expect(report.removal.removed == ["plain@1"])
    #expect(try names(repository) == ["plain@2", "s1.ckpt@1", "s2.ckpt@1", "s3.ckpt@1"])
    let rules = report.groups.flatMap(\.decisions).map { $0.rules.map(\.description) }
    #expect(rules == [["last"], [], ["pointer"], ["pointer"], ["pointer"]])
  }

  @Test func thePointerGoesFirstAndThenWhatItHeld() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    let pointers = try repository.prunablePointers(last)
    #expect(pointers.map(\.file) == [scratch.path + "/s2.ckpt", scratch.path + "/s1.ckpt"])
    #expect(exists(scratch.path + "/s1.ckpt"))
    let released = pointers.reduce(into: Set<String>()) { $0.formUnion($1.releases) }
    let plan = try repository.planPrune(last, released: released)
    let (report, unlinked) = try repository.pruneWithPointers(last)
    #expect(unlinked == pointers.map(\.file))
    #expect(report.removal.removed == ["s2.ckpt@1", "s1.ckpt@1"])
    #expect(report.removal.freed == plan.freed)
    #expect(report.removal.warnings == [])
    #expect(!exists(scratch.path + "/s1.ckpt") && !exists(scratch.path + "/s2.ckpt"))
    #expect(try Pointer.read(scratch.path + "/s3.ckpt")?.name == "s3.ckpt@1")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == [".cairn", "s3.ckpt"])
  }

  @Test func onlyThePointerThatNamesThisVeryVersionGoes() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    // The trainer has gone on, and the pointer names another version; a plain copy lies elsewhere.
    let moved = try #require(try Pointer.read(scratch.path + "/s3.ckpt"))
    try moved.write(to: scratch.path + "/s1.ckpt", overwrite: true)
    // Another name of the same file holds it.
    #expect(link(scratch.path + "/s2.ckpt", scratch.path + "/hard.ckpt") == 0)
    #expect(try repository.prunablePointers(last) == [])
    let (report, unlinked) = try repository.pruneWithPointers(last)
    #expect(unlinked == [] && report.removal.removed == [])
    // A link, a file that is none, one of another repository, and none at all.
    try FileManager.default.removeItem(atPath: scratch.path + "/hard.ckpt")
    try FileManager.default.moveItem(atPath: scratch.path + "/s2.ckpt", toPath: scratch.path + "/real.ckpt")
    for step in 0..<4 {
      try? FileManager.default.removeItem(atPath: scratch.path + "/s2.ckpt")
      var pointer = try #require(try Pointer.read(scratch.path + "/real.ckpt"))
      pointer.repository = String(repeating: "0", count: 32)
      switch step {
      case 0: #expect(symlink(scratch.path + "/real.ckpt", scratch.path + "/s2.ckpt") == 0)
      case 1: try writeFile([1, 2, 3], scratch.path + "/s2.ckpt")
      case 2: try pointer.write(to: scratch.path + "/s2.ckpt", overwrite: true)
      default: break
      }
      #expect(try repository.pruneWithPointers(last).unlinked == [])
      #expect(try names(repository) == ["s1.ckpt@1", "s2.ckpt@1", "s3.ckpt@1"])
    }
  }

  @Test func olderVersionsThatItHoldsGoWithIt() throws {
    let scratch = try Scratch()
    let repository = try Repository.initialize(scratch.path + "/.cairn", chunkSize: 64 * 1024)
    let file = scratch.path + "/exp@2"
    try repository.saveWithPointer(file, seed: 1, run: "r")
    let first = try #require(try Pointer.read(file))
    var second = try repository.saveWithPointer(file, seed: 2, run: "r")
    second.earlier = [first.checkpoint]
    try second.write(to: file, overwrite: true)
    // Kept, it goes on holding the older one, which no pointer names.
    #expect(try repository.pruneWithPointers(last).unlinked == [])
    #expect(try names(repository) == ["exp%402@1", "exp%402@2"])
    _ = try repository.saveState("plain", seed: 3, run: "r")
    let (report, unlinked) = try repository.pruneWithPointers(last)
    #expect(unlinked == [file])
    #expect(report.removal.removed == ["exp%402@2", "exp%402@1"])
  }

  @Test func whatIsRefusedLeavesThePointers() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    _ = try repository.tag("best", PathName(path: "s1.ckpt"))
    var tagged = PrunePolicy()
    (tagged.keepTagged, tagged.grouping) = (true, .path)
    #expect(throws: CairnError.self) { try repository.pruneWithPointers(tagged) }
    #expect(exists(scratch.path + "/s2.ckpt") && exists(scratch.path + "/s3.ckpt"))
    let (report, unlinked) = try repository.pruneWithPointers(tagged, force: true)
    #expect(report.removal.removed == ["s3.ckpt@1", "s2.ckpt@1"])
    #expect(unlinked.count == 2)
    #expect(exists(scratch.path + "/s1.ckpt"))
  }

  @Test func aMovedVersionIsStillHeldByItsPointer() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    _ = try repository.tag("best", PathName(path: "s2.ckpt"))
    #expect(try repository.move(PathName(path: "s2.ckpt"), to: "kept").warnings == [])
    _ = try repository.untag("best")
    #expect(try repository.move(PathName(path: "kept"), to: "s2.ckpt").warnings.count == 1)
    #expect(try repository.move(PathName(path: "s1.ckpt"), to: "old").warnings.count == 1)
    let pointer = try #require(try Pointer.read(scratch.path + "/s1.ckpt"))
    #expect(try repository.checkpoint(pointer, at: "s1.ckpt").name == "old@1")
    // Where it was written it lies, whatever it leads to is called.
    #expect(
      try repository.prunablePointers(last).map(\.file) == [scratch.path + "/s2.ckpt", scratch.path + "/s1.ckpt"])
    _ = try repository.pruneWithPointers(last)
    #expect(try names(repository) == ["s3.ckpt@1"])
    #expect(!exists(scratch.path + "/s1.ckpt"))
  }

  @Test func aPointerThatAlsoHoldsTheBestStays() throws {
    let scratch = try Scratch()
    let repository = try Repository.initialize(scratch.path + "/.cairn", chunkSize: 64 * 1024)
    let file = scratch.path + "/last.ckpt"
    var pointers: [Pointer] = []
    for seed in 1...3 {
      var pointer = try repository.saveWithPointer(file, seed: seed, run: "r")
      var annotation = Annotation()
      annotation.metrics = ["loss": seed == 2 ? 0.1 : 0.5]
      _ = try repository.annotate(PathName(path: "last.ckpt"), annotation)
      pointer.earlier = pointers.map(\.checkpoint)
      try pointer.write(to: file, overwrite: true)
      pointers.append(pointer)
    }
    var best = PrunePolicy()
    best.keepBest = [PrunePolicy.Best("loss")]
    #expect(try repository.prunablePointers(best) == [])
    #expect(try repository.pruneWithPointers(best).unlinked == [])
    #expect(exists(file))
    #expect(try repository.unheldVersions(below: [scratch.path]).checkpoints == [])
    // Nor may one of another run go with it, which nobody asked for.
    let other = try repository.saveWithPointer(scratch.path + "/other.ckpt", seed: 4, run: "other")
    var mixed = try repository.saveWithPointer(scratch.path + "/mixed.ckpt", seed: 5, run: "r")
    mixed.earlier = [other.checkpoint]
    try mixed.write(to: scratch.path + "/mixed.ckpt", overwrite: true)
    var selection = PruneSelection()
    selection.run = "r"
    #expect(try repository.prunablePointers(best, selection) == [])
    // Of one that is gone nothing is left to lose.
    _ = try repository.remove(ids: [other.checkpoint])
    #expect(try repository.prunablePointers(best, selection).map(\.file) == [scratch.path + "/mixed.ckpt"])
  }

  @Test func whatIsTaggedWhileThisWaitsForTheLockKeepsItsPointer() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    let first = try repository.checkpoint(PathName(path: "s1.ckpt"))
    let last = last
    let (report, unlinked) = try repository.tagging(first.id, whileWaiting: .milliseconds(500)) {
      try $0.pruneWithPointers(last)
    }
    #expect(unlinked == [scratch.path + "/s2.ckpt"])
    #expect(report.removal.removed == ["s2.ckpt@1"])
    #expect(try Pointer.read(scratch.path + "/s1.ckpt")?.checkpoint == first.id)
    #expect(try names(repository) == ["s1.ckpt@1", "s3.ckpt@1"])
  }

  @Test func aBetterOneThatComesMeanwhileChangesTheChoice() throws {
    let scratch = try Scratch()
    let repository = try run(scratch)
    for (name, loss) in [("s1.ckpt", 0.1), ("s2.ckpt", 0.2), ("s3.ckpt", 0.3)] {
      var annotation = Annotation()
      annotation.metrics = ["loss": loss]
      _ = try repository.annotate(PathName(path: name), annotation)
    }
    var best = PrunePolicy()
    best.keepBest = [PrunePolicy.Best("loss")]
    let policy = best
    let second = try repository.checkpoint(PathName(path: "s2.ckpt"))
    _ = try repository.tagging(second.id, metrics: ["loss": 0.01], whileWaiting: .milliseconds(500)) {
      try $0.pruneWithPointers(policy)
    }
    #expect(exists(scratch.path + "/s2.ckpt"))
    #expect(!exists(scratch.path + "/s1.ckpt"))
    #expect(try names(repository) == ["s2.ckpt@1"])
  }
}
