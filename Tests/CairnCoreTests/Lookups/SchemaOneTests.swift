import Foundation
import GRDB
import Testing

@testable import CairnCore

/// A repository whose index was made by Cairn 0.1, before there were look-ups in reverse: its log and its index, without
/// any blob, so that nothing can be learnt from manifests.
///
/// `last` has versions 1, 3, 4 and 6 to 72, `first@1` has the same manifest as `last@1`.
@Suite struct SchemaOneTests {
  private func opened(_ scratch: Scratch) throws -> Repository {
    let fixture =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path + "/Fixtures/schema-1"
    let path = scratch.path + "/.cairn"
    for directory in ["", "/blobs", "/tmp"] {
      try FileManager.default.createDirectory(atPath: path + directory, withIntermediateDirectories: true)
    }
    for file in ["index.sqlite", "log.jsonl", "cairn.json"] {
      try FileManager.default.copyItem(atPath: fixture + "/" + file, toPath: path + "/" + file)
    }
    return try Repository(opening: path)
  }

  @Test func itsIndexIsBroughtForward() throws {
    let scratch = try Scratch()
    let repository = try opened(scratch)
    let before = try DatabaseQueue(path: repository.indexPath).read { db in
      try String.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations")
    }
    #expect(before == ["0001_index"])
    let all = try repository.checkpoints()
    #expect(all.count == 71)
    // Not rebuilt: no manifest could have been read.
    #expect(all.allSatisfy { $0.state == .whole })
    #expect(try repository.wrongCounts() == [])

    let (checkpoint, tensors) = try repository.tensors(of: PathName(path: "last"))
    #expect(checkpoint.version == 72)
    #expect(tensors.map(\.name) == ["backbone", "head", "bias", "late"])
    #expect(tensors.map(\.otherCheckpoints) == [70, 1, 0, 67])
    #expect(tensors.map(\.firstSeen.name) == ["last@1", "last@71", "last@72", "last@4"])
    #expect(try repository.tensors(of: PathName(path: "first")).tensors.map(\.otherCheckpoints) == [70, 1, 1])
    let digest = try #require(try repository.occurrences(ofTensors: Glob("late"), limit: 2).tensors.first?.digest)
    #expect(try repository.occurrence(ofDigest: digest.hex, limit: 5)?.checkpointCount == 68)
    #expect(try repository.changes(ofTensor: "late", in: PathName(path: "last")).map(\.checkpoint.name) == ["last@4"])
  }

  @Test func itCanBeWrittenToAtOnce() throws {
    let scratch = try Scratch()
    let repository = try opened(scratch)
    _ = try repository.remove(PathName(path: "last", version: 4))
    try repository.save([bytes(1_000, seed: 1)], "new")
    #expect(try repository.wrongCounts() == [])
    #expect(try repository.tensors(of: PathName(path: "last")).tensors.map(\.firstSeen.name).last == "last@6")
    _ = try repository.remove(PathName(path: "last"))
    #expect(try repository.wrongCounts() == [])
  }
}
