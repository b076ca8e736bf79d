import Foundation
import Synchronization
import Testing

@testable import CairnCore

@Suite struct ReplacingTests {
  @Test func whatASaveReplacesGoesWithItsOwnLine() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let first = try repository.save([bytes(10_000, seed: 1)], "x")
    let second = try repository.save([bytes(10_000, seed: 2)], "y")
    var tagged = SaveRequest(path: "z")
    tagged.tags = ["best"]
    let third = try repository.save(content([bytes(10_000, seed: 3)]), tagged)
    let lines = try lineCount(scratch)
    var request = SaveRequest(path: "x")
    request.keepVersions = 1
    request.replaces = [first.id, second.id, third.id, "unknown", second.id]
    _ = try repository.save(content([bytes(10_000, seed: 4)]), request)
    #expect(try lineCount(scratch) == lines + 1)
    // A tag holds its checkpoint against everything but a removal.
    #expect(try repository.checkpoints().map(\.name) == ["x@2", "z@1"])
    #expect(scratch.blobFiles().count == 4)
    try FileManager.default.removeItem(atPath: scratch.path + "/.cairn/index.sqlite")
    #expect(try Repository(opening: scratch.path).checkpoints().map(\.name) == ["x@2", "z@1"])
    #expect(try repository.removal(ofID: second.id) != nil)
    #expect(try repository.removal(ofID: third.id) == nil)
  }

  private func lineCount(_ scratch: Scratch) throws -> Int {
    try String(contentsOfFile: scratch.path + "/.cairn/log.jsonl", encoding: .utf8).split(separator: "\n").count
  }
}

@Suite struct CancellationTests {
  @Test func aSaveIsCalledOffWhileItWaitsForTheLock() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let lock = try FileLock.acquire(repository.path + "/lock", mode: 0o600, onWait: {})
    defer { lock.release() }
    let asked = Atomic(0)
    var request = SaveRequest(path: "a")
    // The first questions come before the lock is wanted.
    request.isCancelled = { asked.add(1, ordering: .relaxed).newValue > 20 }
    let error = #expect(throws: CairnError.self) { try repository.save(content([bytes(10_000, seed: 1)]), request) }
    #expect(error?.kind == .cancelled)
    #expect(scratch.blobFiles().isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: repository.path + "/tmp").isEmpty)
  }
}
