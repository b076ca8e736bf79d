import Foundation
import GRDB
import Testing

@testable import CairnCore

/// Names and what is said of checkpoints change by lines of the log; content never does.
@Suite struct ChangeTests {
  private let storages = [bytes(20_000, seed: 1), bytes(10, seed: 2)]

  /// Makes the log anew from the index.
  private func repair(_ repository: Repository) throws {
    unlink(repository.logPath)
    var options = VerifyOptions()
    options.repair = true
    #expect(try repository.verify(options).repaired.count == 1)
  }

  /// What every user sees stays the same when the index is made anew, from the log that is there or a repaired one.
  private func expectLasting(_ repository: Repository, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let before = try repository.listing()
    let tags = try repository.tags().map { "\($0.tag) \($0.checkpoint.id)" }
    IndexCopy.delete(repository)
    #expect(try repository.listing() == before, sourceLocation: sourceLocation)
    try repair(repository)
    #expect(try repository.listing() == before, sourceLocation: sourceLocation)
    try repository.reindex()
    #expect(try repository.listing() == before, sourceLocation: sourceLocation)
    #expect(try repository.tags().map { "\($0.tag) \($0.checkpoint.id)" } == tags, sourceLocation: sourceLocation)
    #expect(try repository.wrongCounts() == [], sourceLocation: sourceLocation)
  }

  @Test(arguments: JournalMode.allCases)
  func aMovedPathKeepsItsVersionsAndNoNumberIsGivenAgain(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    for seed in 1...3 { try repository.save([bytes(9_000, seed: UInt64(seed))], "a") }
    _ = try repository.remove(PathName(parsing: "a@3"))
    let files = scratch.blobFiles()
    let report = try repository.move(PathName(path: "a"), to: "b")
    #expect(report.moved.map { "\($0.from) \($0.to)" } == ["a@1 b@1", "a@2 b@2"])
    #expect(scratch.blobFiles() == files)
    #expect(try repository.load("b@2") == [bytes(9_000, seed: 2)])
    // Number 3 was a removed one's, under either name.
    #expect(try repository.save([[1]], "a").version == 4)
    #expect(try repository.save([[2]], "b").version == 4)
    try expectLasting(repository)
    #expect(try repository.save([[1]], "a").version == 5)
    #expect(try repository.save([[2]], "b").version == 5)
  }

  @Test func underANameThatWasUsedBeforeNumbersGoOn() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for _ in 0..<2 { try repository.save(storages, "a") }
    let first = try repository.checkpoint(PathName(parsing: "a@1"))
    _ = try repository.move(PathName(path: "a"), to: "b")
    let back = try repository.move(PathName(path: "b"), to: "a")
    #expect(back.moved.map { "\($0.to)" } == ["a@3", "a@4"])
    #expect(try repository.checkpoint(PathName(parsing: "a@3")).id == first.id)
    let one = try repository.move(PathName(parsing: "a@3"), to: "b")
    #expect(one.moved.map { "\($0.to)" } == ["b@3"])
    #expect(try repository.names() == ["a@4", "b@3"])
    #expect(try repository.checkpoint(PathName(parsing: "a@4")).parent == first.id)
    try expectLasting(repository)
    #expect(try repository.save(storages, "a").version == 5)
    #expect(try repository.save(storages, "b").version == 4)
  }

  @Test func movingToAndFroUsesUpNoMoreNumbersThanItTakes() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for _ in 0..<3 { try repository.save(storages, "a") }
    for _ in 0..<100 {
      _ = try repository.move(PathName(path: "a"), to: "b")
      _ = try repository.move(PathName(path: "b"), to: "a")
    }
    #expect(try repository.names() == ["a@301", "a@302", "a@303"])
    try expectLasting(repository)
    #expect(try repository.save(storages, "b").version == 301)
  }

  @Test func aMoveThatWouldHideSomethingIsRefused() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save(storages, "a")
    try repository.save(storages, "b")
    _ = try repository.tag("best", PathName(path: "a"))
    let log = try Files.contents(repository.logPath)
    #expect(failure { try repository.move(PathName(path: "a"), to: "b") } == .alreadyExists)
    #expect(failure { try repository.move(PathName(parsing: "a@1"), to: "b") } == .alreadyExists)
    #expect(failure { try repository.move(PathName(path: "a"), to: "best") } == .alreadyExists)
    #expect(failure { try repository.move(PathName(path: "a"), to: "a") } == .invalid)
    #expect(failure { try repository.move(PathName(path: "best"), to: "c") } == .invalid)
    for name in ["c@3", "", "c\u{7}", String(repeating: "c", count: 5_000)] {
      #expect(failure { try repository.move(PathName(path: "a"), to: name) } == .invalid)
    }
    #expect(failure { try repository.move(PathName(path: "none"), to: "c") } == .notFound)
    #expect(failure { try repository.move(PathName(parsing: "a@7"), to: "c") } == .notFound)
    #expect(try Files.contents(repository.logPath) == log)
  }

  @Test func aSaveThatWouldHideATagIsRefused() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save(storages, "a")
    _ = try repository.tag("best", PathName(path: "a"))
    let log = try Files.contents(repository.logPath)
    let files = scratch.blobFiles()
    func refused(_ path: String, tags: [String] = []) {
      var request = SaveRequest(path: path)
      request.tags = tags
      request.run = "new"
      #expect(failure { try repository.save(content([bytes(9_000, seed: 9)]), request) } == .alreadyExists)
      #expect(failure { try repository.copy(PathName(path: "a"), request) } == .alreadyExists)
    }
    refused("b", tags: ["a"])
    refused("b", tags: ["x", "b"])
    refused("best")
    #expect(message { try repository.save([[1]], "best") }.contains("best: is a tag, which would no longer be found"))
    #expect(try Files.contents(repository.logPath) == log, "no run began")
    #expect(scratch.blobFiles() == files)
    // With the lock held it is looked again: the tag comes while the save is being written.
    let saver = try Saver(repository, content([bytes(9_000, seed: 9)]), SaveRequest(path: "late"))
    saver.beforeLock = { _ = try repository.tag("late", PathName(path: "a")) }
    #expect(failure { try saver.run() } == .alreadyExists)
    #expect(scratch.blobFiles() == files)
    // A tag goes on being moved by saves, and a path that an older Cairn let come beside a tag gets its versions.
    var request = SaveRequest(path: "a")
    request.tags = ["best"]
    #expect(try repository.save(content([[1]]), request).version == 2)
    try repository.locked { locked in
      var entry = LogEntry(.tagged, id: try repository.checkpoint(PathName(path: "a")).id, by: .now())
      entry.tags = ["a"]
      _ = try locked.commit(entry)
    }
    #expect(try repository.save([[2]], "a").version == 3)
  }

  @Test func whatBecameOfANameIsKnown() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for path in ["a", "a", "x"] { try repository.save(storages, path) }
    let id = try repository.checkpoint(PathName(parsing: "a@1")).id
    _ = try repository.move(PathName(path: "a"), to: "b")
    #expect(failure { try repository.checkpoint(PathName(parsing: "a@1")) } == .notFound)
    #expect(message { try repository.checkpoint(PathName(parsing: "a@1")) }.contains("a@1: was moved to b@1 on "))
    #expect(message { try repository.checkpoint(PathName(path: "a")) }.contains("a: was moved to b on "))
    _ = try repository.move(PathName(parsing: "b@1"), to: "c")
    #expect(message { try repository.checkpoint(PathName(parsing: "a@1")) }.contains("moved to c@1"))
    _ = try repository.remove(PathName(path: "c"))
    for name in ["a@1", "b@1", "c@1", "c"] {
      #expect(failure { try repository.checkpoint(PathName(parsing: name)) } == .removed, "\(name)")
    }
    #expect(failure { try repository.checkpoint(PathName(parsing: "a@2")) } == .notFound)
    #expect(try repository.removal(ofID: id)?.name == "c@1")
    _ = try repository.remove(PathName(path: "x"))
    #expect(try repository.removals().map(\.name) == ["x@1", "c@1"])
    for path in ["a", "b", "c"] { #expect(try repository.removals(paths: [path]).map(\.name) == ["c@1"]) }
    // One at a name that a moved one had before.
    try repository.save(storages, "a")
    _ = try repository.remove(PathName(path: "a"))
    #expect(try repository.removals(paths: ["a"]).map(\.name) == ["a@3", "c@1"])
    #expect(failure { try repository.checkpoint(PathName(path: "a")) } == .removed)
    #expect(failure { try repository.checkpoint(PathName(parsing: "a@9")) } == .notFound)
  }

  @Test(arguments: JournalMode.allCases)
  func tagsAreMadeMovedAndDeleted(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    try repository.save(storages, "a")
    let made = try repository.tag("best", PathName(parsing: "a@1"))
    #expect(made.previous == nil)
    #expect(try made.checkpoint == repository.checkpoint(PathName(path: "best")))
    #expect(try repository.tag("best", PathName(path: "a")).previous?.name == "a@1")
    #expect(try repository.tag("again", PathName(path: "best")).checkpoint?.tags == ["again", "best"])
    #expect(try repository.tags().map { "\($0.tag) \($0.checkpoint.name)" } == ["again a@2", "best a@2"])
    try expectLasting(repository)
    let log = try Files.contents(repository.logPath)
    #expect(try repository.tag("best", PathName(path: "a")).warnings == [])
    #expect(failure { try repository.tag("a", PathName(path: "best")) } == .alreadyExists)
    #expect(failure { try repository.tag("v@1", PathName(path: "a")) } == .invalid)
    #expect(failure { try repository.tag("v", PathName(path: "none")) } == .notFound)
    #expect(failure { try repository.untag("none") } == .notFound)
    #expect(try Files.contents(repository.logPath) == log, "what changes nothing has no line")
    #expect(try repository.untag("best").previous?.name == "a@2")
    #expect(try repository.tags().map(\.tag) == ["again"])
    try expectLasting(repository)
    _ = try repository.remove(PathName(parsing: "a@2"))
    #expect(try repository.tags().isEmpty)
  }

  @Test(arguments: JournalMode.allCases)
  func annotationsAddToWhatWasSaid(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    var request = SaveRequest(path: "a")
    request.metrics = ["loss": 0.5, "acc": 0.1]
    request.metadata = ["note": "old", "kept": [1, 2]]
    _ = try repository.save(content(storages), request)
    let before = try repository.checkpoint(PathName(path: "a"))
    var annotation = Annotation()
    annotation.metrics = ["acc": 0.1 + 0.2, "bad": .nan]
    annotation.metadata = ["note": ["by": "hand"], "new": 1]
    annotation.unset = ["loss"]
    let report = try repository.annotate(PathName(path: "a"), annotation)
    #expect(report.warnings.count == 1)
    let after = try repository.checkpoint(PathName(path: "a"))
    #expect(report.checkpoint == after)
    #expect(after.metrics == ["acc": 0.1 + 0.2])
    #expect(after.metadata == ["note": ["by": "hand"], "new": 1, "kept": [1, 2]])
    var same = after
    (same.metrics, same.metadata) = (before.metrics, before.metadata)
    #expect(same == before)
    try expectLasting(repository)
    annotation = Annotation()
    annotation.unset = ["new", "acc"]
    _ = try repository.annotate(PathName(path: "a"), annotation)
    #expect(try repository.checkpoint(PathName(path: "a")).metadata == ["note": ["by": "hand"], "kept": [1, 2]])
    #expect(try repository.checkpoint(PathName(path: "a")).metrics == [:])
    try expectLasting(repository)
    try repository.expectSound(["a@1": storages])
  }

  @Test func anAnnotationThatCannotBeKeptIsRefused() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save(storages, "a")
    let log = try Files.contents(repository.logPath)
    func refusal(_ path: String = "a", _ fill: (inout Annotation) -> Void) -> CairnError.Kind? {
      var annotation = Annotation()
      fill(&annotation)
      return failure { try repository.annotate(PathName(path: path), annotation) }
    }
    #expect(refusal { _ in } == .invalid)
    #expect(refusal { $0.metrics = ["x": .infinity] } == .invalid)
    #expect(refusal { $0.metrics = ["x\u{0}": 1] } == .invalid)
    #expect(refusal { $0.unset = ["none"] } == .invalid)
    #expect(refusal("none") { $0.metrics = ["x": 1] } == .notFound)
    #expect(refusal { $0.metadata = ["x": .string(String(repeating: "x", count: 300_000))] } == .invalid)
    #expect(try Files.contents(repository.logPath) == log)
    // Not by one line and not by many: a repaired log says it all in one.
    for key in 0..<2 {
      #expect(refusal { $0.metadata = ["\(key)": .string(String(repeating: "x", count: 100_000))] } == nil)
    }
    #expect(refusal { $0.metadata = ["3": .string(String(repeating: "x", count: 100_000))] } == .invalid)
    for number in 0..<8 { _ = try? repository.tag(String(repeating: "\(number)", count: 4_000), PathName(path: "a")) }
    #expect(failure { try repository.tag(String(repeating: "x", count: 4_000), PathName(path: "a")) } == .invalid)
    _ = try repository.move(PathName(path: "a"), to: String(repeating: "\"", count: 4_096))
    try expectLasting(repository)
  }

  /// An index that knows nothing of the changes, or of nothing at all, comes to the same.
  @Test(arguments: JournalMode.allCases)
  func anOlderIndexCatchesUp(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    repository.close()
    let copy = try IndexCopy(repository)
    try repository.save(storages, "a")
    _ = try repository.tag("best", PathName(parsing: "a@1"))
    _ = try repository.move(PathName(path: "a"), to: "b")
    try repository.save(storages, "a")
    _ = try repository.tag("best", PathName(path: "b"))
    var annotation = Annotation()
    annotation.metrics = ["x": 1]
    _ = try repository.annotate(PathName(path: "best"), annotation)
    _ = try repository.untag("best")
    let before = try repository.listing()
    repository.close()
    try copy.putBack(repository, .whole)
    #expect(try repository.listing() == before)
    #expect(try Repository(opening: scratch.path).names() == ["a@3", "b@1", "b@2"])
    #expect(try repository.wrongCounts() == [])
  }

  @Test func linesSayWhatChangedAndNothingElse() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let saved = try repository.save(storages, "a")
    _ = try repository.tag("best", PathName(path: "a"))
    _ = try repository.untag("best")
    _ = try repository.move(PathName(parsing: "a@1"), to: "b")
    _ = try repository.move(PathName(path: "b"), to: "a")
    let text = String(decoding: try #require(try Files.contents(repository.logPath)), as: UTF8.self)
    let lines = try text.split(separator: "\n").dropFirst(2).map { line in
      var members = try JSONDecoder().decode([String: JSONValue].self, from: Data(line.utf8.dropFirst(65)))
      for key in ["time", "host", "user"] { members[key] = nil }
      if members["op"] == "moved", members["version"] == nil { members["id"] = nil }
      return members
    }
    let id = JSONValue.string(saved.id)
    #expect(
      lines == [
        ["op": "tagged", "id": id, "tags": ["best"]],
        ["op": "untagged", "id": id, "tags": ["best"]],
        ["op": "moved", "id": id, "path": "a", "version": 1, "newPath": "b", "newVersion": 1],
        ["op": "moved", "path": "b", "newPath": "a", "shift": 1],
      ])
  }

  @Test(arguments: JournalMode.allCases, [1, 2])
  func anySequenceGivesEachNameOnce(_ journal: JournalMode, seed: Int) throws {
    let scratch = try Scratch()
    let handles = try [scratch.repository(journal), Repository(opening: scratch.path)]
    var random = SeededGenerator(seed: UInt64(seed))
    let paths = ["a", "b", "c/d"]
    var names: [String: String] = [:]
    var borne: [String: Set<String>] = [:]
    func learn(_ repository: Repository) throws {
      names = Dictionary(try repository.checkpoints().map { ($0.id, $0.name) }, uniquingKeysWith: { $1 })
      for (id, name) in names { borne[name, default: []].insert(id) }
    }
    for step in 1...150 {
      let repository = handles[Int.random(in: 0...1, using: &random)]
      let path = paths.randomElement(using: &random) ?? "a"
      let one = names.values.sorted().randomElement(using: &random).map { PathName(parsing: $0) }
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4: try repository.save([[UInt8(step)]], path, keep: Int.random(in: 1...4, using: &random))
      case 4: if let one { _ = try? repository.move(one, to: path) }
      case 5, 6: if let one { _ = try? repository.move(PathName(path: one.path), to: path) }
      case 7: if let one { _ = try repository.tag("t\(step % 3)", one) }
      case 8: if let one { _ = try repository.remove(one) }
      default: if let one { _ = try repository.copy(one, SaveRequest(path: path)) }
      }
      try learn(repository)
      if step % 50 == 0 {
        let before = try handles[0].listing()
        try handles[1].reindex()
        #expect(try handles[0].listing() == before)
        for name in borne.keys where !names.values.contains(name) {
          #expect(throws: CairnError.self) { try handles[0].checkpoint(PathName(parsing: name)) }
        }
      }
    }
    for (name, ids) in borne { #expect(ids.count == 1, "\(name) was given twice") }
    try expectLasting(handles[0])
    try learn(handles[0])
    for path in paths {
      let last = borne.keys.map { PathName(parsing: $0) }.filter { $0.path == path }.compactMap(\.version).max() ?? 0
      #expect(try handles[1].save([[0]], path).version > last)
    }
  }

  @Test(arguments: JournalMode.allCases)
  func manyAtOnceDoNotMixNamesUp(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    _ = try scratch.repository(journal)
    let path = scratch.path
    try onThreads(4) { worker in
      let repository = try Repository(opening: path)
      for step in 0..<12 {
        switch worker {
        case 0, 1: try repository.save([[UInt8(worker), UInt8(step)], bytes(5_000, seed: UInt64(step))], "a")
        case 2:
          for (from, to) in [("a", "b"), ("b", "c"), ("c", "a")] {
            _ = try? repository.move(PathName(path: from), to: to)
          }
        default:
          _ = try? repository.tag("t\(step % 2)", PathName(path: "a"))
          _ = try? repository.copy(PathName(path: "b"), SaveRequest(path: "d"))
        }
      }
    }
    let repository = try Repository(opening: path)
    #expect(try repository.checkpoints().count { $0.path != "d" } == 24)
    #expect(try Set(repository.names()).count == repository.names().count)
    #expect(try repository.verify().problems == [])
    try expectLasting(repository)
  }
}
