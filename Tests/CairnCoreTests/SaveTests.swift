import Testing

@testable import CairnCore

@Suite struct SaveTests {
  @Test(arguments: JournalMode.allCases)
  func bytesComeBackCopiedAndMapped(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [
      [], [7], bytes(4_096, seed: 1), bytes(4_097, seed: 2), bytes(65_536, seed: 3), bytes(200_000, seed: 4),
    ]
    let report = try repository.save(storages, "a")
    #expect(report.version == 1)
    #expect(report.newBytes == storages.reduce(0) { $0 + $1.count })
    #expect(try repository.load("a") == storages)
    #expect(try repository.load("a@1", mapped: true) == storages)
    #expect(try Repository(opening: scratch.path).load("a") == storages)
  }

  @Test func sameBytesAreStoredOnce() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let table = bytes(300_000, seed: 1)
    try repository.save([table, bytes(100, seed: 2)], "a")
    let before = scratch.blobFiles()
    let again = try repository.save([table, table, bytes(100, seed: 2)], "b")
    #expect(again.newBytes == 0)
    // Only the manifest is new.
    #expect(scratch.blobFiles().subtracting(before).count == 1)
    var changed = table
    changed[70_000] ^= 1
    changed += [1, 2, 3]
    #expect(try repository.save([changed], "c").newBytes == 65_536 + 300_000 - 4 * 65_536 + 3)
  }

  @Test func removingTheLastReferenceFreesTheBytes() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let shared = bytes(300_000, seed: 1)
    try repository.save([shared, bytes(10, seed: 5)], "a")
    try repository.save([shared, bytes(90_000, seed: 2), bytes(10, seed: 6)], "b")
    let removal = try repository.remove(PathName(path: "b"))
    #expect(removal.removed == ["b@1"])
    #expect(removal.freed.bytes >= 90_000)
    #expect(try repository.load("a") == [shared, bytes(10, seed: 5)])
    _ = try repository.remove(PathName(path: "a"))
    #expect(scratch.blobFiles().isEmpty)
    #expect(throws: CairnError.self) { try repository.load("a") }
    // Its number is not given again.
    #expect(try repository.save([shared], "a").version == 2)
  }

  @Test func versionsBeyondTheNumberToKeepGo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...5 { try repository.save([bytes(10_000, seed: UInt64(seed))], "last", keep: 2) }
    #expect(try repository.checkpoints().map(\.name) == ["last@5", "last@4"])
    #expect(scratch.blobFiles().count == 4)
  }
}
