import Foundation
import GRDB
import Glibc
import Testing

@testable import CairnCore

/// "é" in one code point and in two: one string to Swift, two names to SQLite, to Linux and to who gave them.
@Suite struct ExactNameTests {
  private let composed = "\u{E9}"
  private let decomposed = "e\u{301}"

  private func request(
    _ path: String, run: String? = nil, tags: [String] = [], metrics: [String: Double] = [:], keep: Int? = nil
  ) -> SaveRequest {
    var request = SaveRequest(path: path)
    (request.run, request.tags, request.metrics, request.keepVersions) = (run, tags, metrics, keep)
    return request
  }

  private func bytesOfNames(_ repository: Repository) throws -> Set<[UInt8]> {
    Set(try repository.checkpoints().map { Array($0.name.utf8) })
  }

  @Test func aTagThatOnlyLooksAlikeDoesNotLetGo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(content([[1]]), request("u", tags: [composed]))
    _ = try repository.save(content([[2]]), request("u", tags: [decomposed], keep: 1))
    #expect(try repository.names() == ["u@1", "u@2"])
    _ = try repository.save(content([[3]]), request("u", tags: [composed], keep: 1))
    #expect(try repository.names() == ["u@2", "u@3"])
    var replacing = request("v", tags: [composed + "x"])
    replacing.replaces = try repository.checkpoints().map(\.id)
    _ = try repository.save(content([[4]]), replacing)
    #expect(try repository.names() == ["u@2", "u@3", "v@1"])
  }

  @Test func pathsAreMovedToOneAnother() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([[1]], composed)
    let report = try repository.move(PathName(path: composed), to: decomposed)
    #expect(report.moved.map { Array($0.to.path.utf8) } == [Array(decomposed.utf8)])
    #expect(try bytesOfNames(repository) == [Array((decomposed + "@1").utf8)])
    #expect(message { try repository.checkpoint(PathName(path: composed)) }.contains("was moved"))
    try repository.save([[2]], composed)
    #expect(try bytesOfNames(repository).count == 2)
    _ = try repository.remove(PathName(path: composed))
    #expect(try bytesOfNames(repository) == [Array((decomposed + "@1").utf8)])
    #expect(try repository.removals(paths: [decomposed]).isEmpty)
    #expect(try repository.removals(paths: [composed]).count == 1)
    #expect(PathName(path: composed) != PathName(path: decomposed))
    #expect(Set([PathName(path: composed), PathName(path: decomposed)]).count == 2)
  }

  @Test func ofAMetricOneSpellingIsKept() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(content([[1]]), request("a", metrics: [composed: 1]))
    var annotation = Annotation()
    annotation.unset = [decomposed]
    #expect(failure { try repository.annotate(PathName(path: "a"), annotation) } == .invalid)
    annotation = Annotation()
    annotation.metrics = [decomposed: 2]
    #expect(failure { try repository.annotate(PathName(path: "a"), annotation) } == .invalid)
    annotation = Annotation()
    annotation.metadata = [composed: 1]
    _ = try repository.annotate(PathName(path: "a"), annotation)
    annotation.metadata = [decomposed: 2]
    #expect(failure { try repository.annotate(PathName(path: "a"), annotation) } == .invalid)
    annotation = Annotation()
    annotation.unset = [composed]
    #expect(try repository.annotate(PathName(path: "a"), annotation).checkpoint.metrics == [:])
    #expect(try repository.checkpoint(PathName(path: "a")).metrics == [:])
    #expect(try repository.checkpoint(PathName(path: "a")).metadata == [:])
  }

  @Test func eachRunKeepsItsOwn() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for run in [composed, decomposed] {
      for _ in 0..<2 { _ = try repository.save(content([[1]]), request("p", run: run)) }
    }
    var policy = PrunePolicy()
    policy.keepLast = 1
    #expect(try repository.prune(policy).removal.removed.count == 2)
    #expect(try repository.names() == ["p@2", "p@4"])
    // A log that is made anew from the index knows them apart too.
    unlink(repository.logPath)
    var options = VerifyOptions()
    options.repair = true
    #expect(try repository.verify(options).repaired.count == 1)
    #expect(
      Set(try repository.checkpoints().map { Array(($0.run ?? "").utf8) })
        == [Array(composed.utf8), Array(decomposed.utf8)])
    policy.keepBest = [PrunePolicy.Best(composed), PrunePolicy.Best(decomposed)]
    #expect(failure { try repository.prune(policy) } == .invalid)
  }

  @Test func filesAreCalledByTheirBytes() throws {
    let scratch = try Scratch()
    let directory = scratch.path + "/" + composed
    let lookalike = scratch.path + "/" + decomposed
    #expect(mkdir(directory, 0o700) == 0)
    let repository = try Repository.initialize(directory + "/.cairn")
    #expect(repository.name(forFile: directory + "/a") == "a")
    #expect(repository.name(forFile: lookalike + "/a").utf8.elementsEqual((lookalike + "/a").utf8))
    #expect(repository.name(forFile: directory + "/\u{301}a").utf8.elementsEqual("\u{301}a".utf8))
    #expect(PathName.absolute("/a/\u{301}b/../c") == "/a/c")
  }

  @Test func heldBytesAreOfEach() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([[1]], composed)
    try repository.save([[2]], decomposed)
    #expect(try repository.holdings(by: .path).groups.count == 2)
    #expect(try repository.holdings(by: .path, of: [PathName(path: composed)]).groups.count == 1)
  }
}
