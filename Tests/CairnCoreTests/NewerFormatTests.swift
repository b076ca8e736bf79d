import Foundation
import GRDB
import Testing

@testable import CairnCore

/// A trainer lives for weeks, and somebody migrates the repository meanwhile.
@Suite struct NewerFormatTests {
  @Test(arguments: JournalMode.allCases)
  func anIndexFromTheFutureIsRefusedByOpenHandlesToo(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([bytes(10_000, seed: 1)], "a")
    _ = try repository.names()
    let migrated = try DatabaseQueue(path: repository.indexPath)
    try migrated.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9999_later')") }
    try migrated.close()
    let before = scratch.blobFiles()
    let log = try Files.contents(repository.logPath)
    for handle in [repository, try Repository(opening: scratch.path)] {
      #expect(failure { try handle.save([bytes(10_000, seed: 2)], "b") } == .newerFormat)
      #expect(failure { try handle.remove(PathName(path: "a")) } == .newerFormat)
      #expect(failure { try handle.checkpoints() } == .newerFormat)
      #expect(failure { try handle.collectGarbage() } == .newerFormat)
      #expect(failure { try handle.reindex() } == .newerFormat)
    }
    #expect(scratch.blobFiles() == before)
    #expect(try Files.contents(repository.logPath) == log)
  }

  @Test(arguments: JournalMode.allCases)
  func aRepositoryMigratedUnderAnOpenHandleIsNotWrittenByIt(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([bytes(10_000, seed: 1)], "a")
    let path = repository.path + "/cairn.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let newer = text.replacing("\"format\" : 1", with: "\"format\" : 2, \"later\" : true")
    #expect(newer != text)
    try newer.write(toFile: path, atomically: true, encoding: .utf8)
    let log = try Files.contents(repository.logPath)
    let files = scratch.blobFiles()
    #expect(failure { try repository.save([bytes(10_000, seed: 2)], "b") } == .newerFormat)
    #expect(failure { try repository.remove(PathName(path: "a")) } == .newerFormat)
    #expect(failure { try repository.collectGarbage() } == .newerFormat)
    #expect(failure { try repository.reindex() } == .newerFormat)
    var options = VerifyOptions()
    options.repair = true
    #expect(failure { try repository.verify(options) } == .newerFormat)
    #expect(failure { try Repository(opening: scratch.path) } == .newerFormat)
    #expect(try Files.contents(repository.logPath) == log)
    #expect(scratch.blobFiles() == files)
  }

  @Test func aConfigurationThatWasChangedIsNotBelieved() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let path = repository.path + "/cairn.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for (old, new) in [("65536", "131072"), ("\"wal\"", "\"delete\""), ("sha256", "sha512"), ("}", "")] {
      let changed = text.replacing(old, with: new)
      #expect(changed != text)
      try changed.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(failure { try Repository(opening: scratch.path) } == .damaged)
    }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try Repository(opening: scratch.path).configuration == repository.configuration)
  }

  @Test func anotherRepositoryInItsPlaceIsNotWritten() throws {
    let (scratch, other) = try (Scratch(), Scratch())
    let repository = try scratch.repository()
    try repository.save([[1]], "a")
    _ = try other.repository()
    try FileManager.default.moveItem(atPath: repository.path, toPath: scratch.path + "/old")
    try FileManager.default.copyItem(atPath: other.path + "/.cairn", toPath: repository.path)
    #expect(failure { try repository.save([[2]], "b") } == .notARepository)
    #expect(failure { try repository.remove(PathName(path: "a")) } == .notARepository)
  }

  @Test func aDeeplyNestedValueIsRefusedBeforeItCanBeCommitted() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var deep: JSONValue = 1
    for _ in 0..<600 { deep = [deep] }
    var request = SaveRequest(path: "a")
    request.metadata = ["deep": deep]
    #expect(failure { try repository.save(content([[1]]), request) } == .invalid)
    request.metadata = ["long": .string(String(repeating: "x", count: 300_000))]
    #expect(failure { try repository.save(content([[1]]), request) } == .invalid)
    request.metadata = [:]
    request.metrics = ["a\u{0}b": 1]
    #expect(failure { try repository.save(content([[1]]), request) } == .invalid)
    request.metrics = ["recall@10": 1]
    #expect(try repository.save(content([[1]]), request).version == 1)
    #expect(try repository.names() == ["a@1"])
  }
}
