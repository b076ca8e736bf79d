import Foundation
import Testing

@testable import CairnCore

/// A copy of a repository whose files come in one by one: nothing of it is lost to commands that are run meanwhile.
@Suite struct RestoreInProgressTests {
  /// A repository of three checkpoints, and a copy of it without index and without the files that `isLate` names.
  private final class Copy {
    let original = try? Scratch()
    let scratch: Scratch
    let holds: [String: [[UInt8]]]
    let late: [String]
    var path: String { scratch.path + "/.cairn" }

    init(_ journal: JournalMode, isLate: (String, [String: SaveReport]) -> Bool) throws {
      scratch = try Scratch()
      let source = try #require(original)
      let repository = try source.repository(journal)
      let shared = bytes(70_000, seed: 1)
      holds = [
        "a@1": [shared, bytes(10, seed: 2)], "b@1": [shared, bytes(20_000, seed: 3)], "c@1": [bytes(30, seed: 4)],
      ]
      var reports: [String: SaveReport] = [:]
      for (name, storages) in holds.sorted(by: { $0.key < $1.key }) {
        reports[name] = try repository.save(storages, String(name.dropLast(2)))
      }
      repository.close()
      let files = FileManager.default
      try files.copyItem(atPath: source.path + "/.cairn", toPath: scratch.path + "/.cairn")
      late = source.blobFiles().filter { isLate($0, reports) }
      for file in late { try files.removeItem(atPath: scratch.path + "/.cairn/blobs/" + file) }
      for ending in IndexCopy.endings { unlink(scratch.path + "/.cairn/index.sqlite" + ending) }
    }

    func arrive() throws {
      for file in late {
        let from = try #require(original).path + "/.cairn/blobs/" + file
        try FileManager.default.copyItem(atPath: from, toPath: path + "/blobs/" + file)
      }
    }
  }

  @Test(arguments: JournalMode.allCases)
  func blobsThatAreStillMissingKeepTheirReferences(_ journal: JournalMode) throws {
    let copy = try Copy(journal) { file, _ in !file.hasSuffix(".zst") }
    #expect(copy.late.count > 3)
    let repository = try Repository(opening: copy.path)
    _ = try repository.collectGarbage()
    #expect(try repository.checkpoints().map(\.state) == [.incomplete, .incomplete, .incomplete])
    #expect(failure { try repository.load("a") } == .missing)
    #expect(message { try repository.load("b") }.contains("b@1 needs it for t"))
    #expect(try repository.wrongCounts() == [])
    // Half of them, and again everything that could take something away.
    try copy.arrive()
    let some = copy.late.sorted().prefix(2)
    for file in some { unlink(copy.path + "/blobs/" + file) }
    _ = try repository.collectGarbage()
    try repository.reindex()
    _ = try repository.remove(PathName(path: "never saved"))
    for file in some {
      let from = try #require(copy.original).path + "/.cairn/blobs/" + file
      try FileManager.default.copyItem(atPath: from, toPath: copy.path + "/blobs/" + file)
    }
    _ = try repository.collectGarbage()
    try repository.expectSound(copy.holds)
  }

  @Test(arguments: JournalMode.allCases)
  func aLoadNoticesThatWhatWasMissingIsThere(_ journal: JournalMode) throws {
    let copy = try Copy(journal) { file, _ in !file.hasSuffix(".zst") }
    let repository = try Repository(opening: copy.path)
    #expect(try repository.checkpoints().map(\.state) == [.incomplete, .incomplete, .incomplete])
    try copy.arrive()
    #expect(try repository.load("a") == copy.holds["a@1"])
    #expect(try repository.checkpoint(PathName(path: "a")).state == .whole)
  }

  @Test(arguments: JournalMode.allCases)
  func aMissingManifestStopsEverythingFromUnlinking(_ journal: JournalMode) throws {
    let copy = try Copy(journal) { file, reports in
      file.contains(reports["a@1"]?.manifest.hex ?? "?")
    }
    #expect(copy.late.count == 1)
    let repository = try Repository(opening: copy.path)
    let stray = copy.path + "/blobs/00/" + String(repeating: "00", count: 32)
    try OpenFile(stray, O_WRONLY | O_CREAT).write([1], at: 0)
    let before = copy.scratch.blobFiles()
    let report = try repository.collectGarbage()
    #expect(report.freed == Freed())
    #expect(report.warnings.count == 1)
    #expect(try repository.checkpoint(PathName(path: "a")).state == .unreadable)
    let removal = try repository.remove(PathName(path: "b"))
    #expect(removal.removed == ["b@1"])
    #expect(removal.warnings.count == 1, "freeing nothing is said")
    try repository.save([bytes(80_000, seed: 9)], "d", keep: 1)
    try repository.save([bytes(80_000, seed: 10)], "d", keep: 1)
    #expect(copy.scratch.blobFiles().isSuperset(of: before))

    try copy.arrive()
    let after = try repository.collectGarbage()
    #expect(after.warnings == [])
    #expect(after.freed.files >= 3)
    let holds = try ["a@1": #require(copy.holds["a@1"]), "c@1": #require(copy.holds["c@1"])]
    try repository.expectSound(holds.merging(["d@2": [bytes(80_000, seed: 10)]]) { $1 })
    #expect(!copy.scratch.blobFiles().contains { $0.hasPrefix("00/0000") })
  }

  @Test(arguments: JournalMode.allCases)
  func forceGoesOnWithoutTheManifest(_ journal: JournalMode) throws {
    let copy = try Copy(journal) { file, reports in
      file.contains(reports["a@1"]?.manifest.hex ?? "?")
    }
    let repository = try Repository(opening: copy.path)
    let report = try repository.collectGarbage(force: true)
    #expect(report.freed.files == 1, "the small blob of a alone")
    #expect(try repository.load("b") == copy.holds["b@1"])
    #expect(try repository.load("c") == copy.holds["c@1"])
    #expect(try repository.wrongCounts() == [])
  }

  /// The pack that a manifest names was rewritten, and the manifest comes only after that was read in the log.
  @Test(arguments: JournalMode.allCases)
  func aManifestThatComesAfterItsPackWasRewrittenFindsItsBlobs(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let (kept, gone) = (bytes(500, seed: 1), (0..<9).map { bytes(4_000, seed: 10 + $0) })
    let report = try repository.save([kept], "a")
    _ = try repository.remove(PathName(path: "a"))
    try repository.save([kept] + gone, "b")
    let manifest = try repository.save([kept], "c").manifest
    #expect(manifest != report.manifest)
    _ = try repository.remove(PathName(path: "b"))
    #expect(try repository.collectGarbage().repackedPacks == 1)
    let file = repository.blobs.path(manifest, .zstd)
    let content = try #require(try Files.contents(file))
    unlink(file)
    try repository.reindex()
    #expect(try repository.checkpoint(PathName(path: "c")).state == .unreadable)
    try OpenFile(file, O_WRONLY | O_CREAT).write(content, at: 0)
    _ = try repository.collectGarbage()
    _ = try repository.collectGarbage()
    try repository.expectSound(["c@1": [kept]])
    try repository.reindex()
    #expect(try repository.checkpoint(PathName(path: "c")).state == .whole)
  }
}
