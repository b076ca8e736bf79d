import Foundation
import Testing

@testable import Cairn

/// Where restored files go, and what is said of it.
@Suite struct OutputTests {
  private struct Refused: Error {}

  @Test func everyDirectoryThatLeadsToAFileIsMadeDurable() {
    let files = ["a/b/c/f", "a/b/c/g", "a/d/f", "top", "\u{E9}/f", "e\u{301}/f"]
    let directories = OutputDirectory.directories(of: files, in: "/r")
    let expected = ["/r", "/r/a", "/r/a/b", "/r/a/b/c", "/r/a/d", "/r/\u{E9}", "/r/e\u{301}"]
    #expect(Set(directories.map { Array($0.utf8) }) == Set(expected.map { Array($0.utf8) }))
    #expect(directories.count == expected.count)
    #expect(directories.first == "/r/a/b/c" && directories.last == "/r")
    #expect(OutputDirectory.directories(of: [], in: "/r") == ["/r"])
  }

  @Test func whatCannotBeRemovedIsAWarningOnceTheDirectoryIsThere() throws {
    let scratch = try Scratch()
    let manager = FileManager.default
    let out = scratch.path + "/out"
    try manager.createDirectory(atPath: out + "/before", withIntermediateDirectories: true)
    let output = try Output(out, overwrite: true)
    try manager.createDirectory(atPath: output.temporary + "/after", withIntermediateDirectories: true)
    let warnings = try output.publishDirectory { _ in throw Refused() }
    #expect(warnings.count == 1 && warnings[0].contains(output.temporary + ".old"), "\(warnings)")
    #expect(try manager.contentsOfDirectory(atPath: out) == ["after"])
  }

  @Test func aDigestThatCannotBeComputedIsAWarning() {
    var report = RestoreReport(checkpoint: "m@1", path: "/out", bytes: 1, digest: nil, leftOut: [])
    report.addDigest { _ in throw Refused() }
    #expect(report.digest == nil)
    #expect(report.warnings.count == 1)
    report.addDigest { _ in Digest(hashing: [1]) }
    #expect(report.digest == Digest(hashing: [1]))
    #expect(report.warnings.count == 1)
  }

  @Test func parentsBehindALinkAreTheKernels() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(["n": 1], SaveRequest(path: "m"))
    let manager = FileManager.default
    try manager.createDirectory(atPath: scratch.path + "/far/inner", withIntermediateDirectories: true)
    try manager.createDirectory(atPath: scratch.path + "/near", withIntermediateDirectories: true)
    try manager.createSymbolicLink(
      atPath: scratch.path + "/near/link", withDestinationPath: scratch.path + "/far/inner")
    _ = try repository.restore(PathName(path: "m"), to: scratch.path + "/near/link/../out")
    #expect(manager.fileExists(atPath: scratch.path + "/far/out"))
    #expect(try manager.contentsOfDirectory(atPath: scratch.path + "/near") == ["link"])
    // The whole path may end so.
    #expect(throws: CairnError.self) {
      try repository.restore(PathName(path: "m"), to: scratch.path + "/near/link/..")
    }
    #expect(throws: CairnError.self) {
      try repository.restore(PathName(path: "m"), to: scratch.path + "/no/such/../out")
    }
    _ = try repository.restore(PathName(path: "m"), to: scratch.path + "/near/./../last")
    #expect(Set(try manager.contentsOfDirectory(atPath: scratch.path)) == [".cairn", "far", "near", "last"])
  }

  @Test func aFileThatCannotFitIsRefusedBeforeItIsWritten() throws {
    let scratch = try Scratch()
    #expect(throws: CairnError.self) { _ = try OutputFile(scratch.path + "/file", size: 1 << 52) }
  }

  @Test(.enabled(if: Mount.isPossible))
  func whereRoomCannotBeReservedNothingIsWrittenInstead() throws {
    let scratch = try Scratch()
    let mount = try Mount.withoutReserving(scratch.path + "/ramfs")
    let file = try OutputFile(mount.path + "/file", size: 1 << 20)
    #expect(try contents(file.path).count == 0)
    try [1, 2, 3].withUnsafeBytes { try file.write($0, at: 0) }
    try file.finish()
  }
}
