import Foundation
import Testing

@testable import CairnCore

/// A repository that a group shares, and one that cannot be written.
@Suite struct PermissionTests {
  private func mode(_ path: String) throws -> mode_t { try #require(try Files.linkStatus(path)).mode & 0o7777 }

  @Test(arguments: JournalMode.allCases, [0o2770, 0o755, 0o700] as [mode_t])
  func modesFollowTheRepositorysDirectory(_ journal: JournalMode, wanted: mode_t) throws {
    let scratch = try Scratch()
    try Files.makeDirectory(scratch.path + "/.cairn", mode: wanted)
    let repository = try scratch.repository(journal)
    try repository.save([bytes(70_000, seed: 1), [1]], "a")
    // What is made later as well.
    try FileManager.default.removeItem(atPath: repository.blobs.root + "/00")
    for seed in 0..<3 as Range<UInt64> { try repository.save([bytes(70_000, seed: seed)], "b") }
    IndexCopy.delete(repository)
    _ = try repository.names()
    let all = try #require(FileManager.default.subpaths(atPath: repository.path))
    #expect(all.count > 260)
    for name in all {
      let path = repository.path + "/" + name
      let status = try #require(try Files.linkStatus(path))
      if status.isDirectory {
        #expect(try mode(path) == wanted, "\(name)")
      } else if name.hasPrefix("blobs/") {
        #expect(try mode(path) == wanted & 0o444, "\(name)")
      } else {
        #expect(try mode(path) == wanted & 0o666, "\(name)")
      }
    }
  }

  /// Runs `body` with the repository mounted read-only in another place; does nothing where that is not allowed.
  private func mountedReadOnly(_ scratch: Scratch, _ body: (String) throws -> Void) throws {
    let place = scratch.path + "/mounted"
    try Files.makeDirectory(place)
    func run(_ arguments: String...) -> Bool {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = arguments
      process.standardError = FileHandle.nullDevice
      guard (try? process.run()) != nil else { return false }
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
    guard getuid() == 0, run("mount", "--bind", scratch.path + "/.cairn", place) else { return }
    defer { _ = run("umount", place) }
    guard run("mount", "-o", "remount,ro,bind", place) else { return }
    try body(place)
  }

  @Test(arguments: JournalMode.allCases, [false, true])
  func readOnlyMediaCanBeReadAndSayWhyTheyCannotBeWritten(_ journal: JournalMode, closed: Bool) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let storages = [bytes(70_000, seed: 1), [1]]
    try repository.save(storages, "a")
    if closed { repository.close() }
    try mountedReadOnly(scratch) { place in
      let reader = try Repository(opening: place)
      #expect(!reader.isWritable)
      #expect(try reader.names() == ["a@1"])
      #expect(try reader.load("a") == storages)
      #expect(try reader.load("a", mapped: true) == storages)
      #expect(try reader.stats().checkpoints == 1)
      var options = VerifyOptions()
      options.readData = true
      #expect(try reader.verify(options).problems == [])
      #expect(failure { try reader.save([[2]], "b") } == .readOnly)
      #expect(failure { try reader.remove(PathName(path: "a")) } == .readOnly)
      #expect(failure { try reader.reindex() } == .readOnly)
      #expect(failure { try reader.collectGarbage() } == .readOnly)
      #expect(message { try reader.save([[2]], "b") }.contains("Read-only"))
      // Written from elsewhere meanwhile: seen at the next look. (Closed, because within one process SQLite shares what
      // it has open of a file, read-only here, whatever path it was opened by.)
      reader.close()
      #expect(try repository.save([[2]], "b").warnings == [])
      #expect(try reader.names() == ["a@1", "b@1"])
    }
  }

  @Test func aReadOnlyRepositoryWithoutAnIndexSaysSo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([[1]], "a")
    IndexCopy.delete(repository)
    try mountedReadOnly(scratch) { place in
      let reader = try Repository(opening: place)
      #expect(failure { try reader.checkpoints() } == .readOnly)
      #expect(message { try reader.checkpoints() }.contains("reindex"))
    }
  }
}
