import Foundation
import Glibc
import Testing

@testable import CairnCore

/// Symbolic links that somebody has put into a repository: none is followed out of it.
@Suite struct PlantedLinkTests {
  private let storages = [bytes(70_000, seed: 1), bytes(100, seed: 2)]

  /// A directory beside the repository, with a file that is nobody's business.
  private func outside(_ scratch: Scratch) throws -> String {
    let outside = scratch.path + "/outside"
    try Files.makeDirectory(outside)
    try OpenFile(outside + "/writer", O_WRONLY | O_CREAT).write([1, 2, 3], at: 0)
    // As a blob would be called that nobody needs.
    try OpenFile(outside + "/" + Digest(hashing: [9]).hex, O_WRONLY | O_CREAT).write([4], at: 0)
    return outside
  }

  private func expectUntouched(_ outside: String) throws {
    #expect(try Files.names(in: outside).sorted() == [Digest(hashing: [9]).hex, "writer"].sorted())
    #expect(try Files.contents(outside + "/writer") == [1, 2, 3])
  }

  @Test(arguments: JournalMode.allCases)
  func aLinkAmongTheWritersDirectoriesIsOnlyUnlinked(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let outside = try outside(scratch)
    try #require(symlink(outside, repository.path + "/tmp/abc") == 0)
    try #require(symlink(outside + "/writer", repository.path + "/tmp/file") == 0)
    try repository.save(storages, "a")
    _ = try repository.collectGarbage()
    try expectUntouched(outside)
    #expect(try Files.names(in: repository.path + "/tmp") == [])
    try repository.expectSound(["a@1": storages])
  }

  @Test(arguments: JournalMode.allCases)
  func aLinkInThePlaceOfADirectoryOfBlobsIsNotWrittenThrough(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let outside = try outside(scratch)
    let directory = repository.blobs.directory(Digest(hashing: storages[0].prefix(65_536)))
    try #require(rmdir(directory) == 0 && symlink(outside, directory) == 0)
    #expect(message { try repository.save(storages, "a") }.contains(directory))
    #expect(message { try repository.collectGarbage() }.contains(directory))
    try expectUntouched(outside)
    #expect(try repository.names() == [])
    // Gone, the same save works.
    try Files.unlink(directory)
    try repository.save(storages, "a")
    _ = try repository.collectGarbage()
    try repository.expectSound(["a@1": storages])
  }

  @Test(arguments: JournalMode.allCases)
  func aLinkInThePlaceOfABlobIsNoBlob(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save(storages, "a")
    let path = repository.blobs.path(Digest(hashing: storages[0].prefix(65_536)), .raw)
    // Even to a file with the right bytes, which somebody may change any time.
    try Files.rename(path, to: scratch.path + "/elsewhere")
    try #require(symlink(scratch.path + "/elsewhere", path) == 0)
    #expect(failure { try repository.load("a") } == .damaged)
    // Set aside now.
    #expect(failure { try repository.load("a", mapped: true) } == .missing)
    #expect(try repository.verify().problems.map(\.what) == [path])
    #expect(try repository.save(storages, "b").newBytes == 65_536)
    try repository.expectSound(["a@1": storages, "b@1": storages])
    let elsewhere = try Files.contents(scratch.path + "/elsewhere") ?? []
    #expect(Digest(hashing: elsewhere).hex == path.suffix(64))
  }
}
