import Cairn
import Foundation
import Testing

@Suite struct UnheldVersionTests {
  private func paths(_ repository: Repository, _ directories: String...) throws -> [String] {
    try repository.unheldVersions(below: directories).checkpoints.map(\.path).sorted()
  }

  @Test func versionsWhosePointersAreGoneAreListed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let base = scratch.path
    try scratch.make("runs/1")
    try scratch.make("other")
    for name in ["runs/1/a.ckpt", "runs/1/b.ckpt", "runs/c.ckpt", "other/d.ckpt"] {
      try repository.saveWithPointer(base + "/" + name)
    }
    #expect(try paths(repository, base + "/runs") == [])
    #expect(try repository.unheldVersions(below: [base + "/runs"]).pointerCount == 3)
    for name in ["runs/1/a.ckpt", "runs/c.ckpt", "other/d.ckpt"] { unlink(base + "/" + name) }
    #expect(try paths(repository, base + "/runs") == ["runs/1/a.ckpt", "runs/c.ckpt"])
    #expect(try paths(repository, base + "/runs", base + "/other").count == 3)
    try FileManager.default.removeItem(atPath: base + "/runs/1")
    #expect(try paths(repository, base + "/runs") == ["runs/1/a.ckpt", "runs/1/b.ckpt", "runs/c.ckpt"])
    #expect(throws: CairnError.self) { try paths(repository, base + "/runs/1") }
  }

  @Test func whatIsHeldInAnyWayIsNotListed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let base = scratch.path
    try scratch.make("runs")
    try scratch.make("far")
    // Under another name, under another name's earlier versions, through a link to a directory.
    try repository.saveWithPointer(base + "/runs/a.ckpt")
    #expect(rename(base + "/runs/a.ckpt", base + "/runs/renamed") == 0)
    let old = try repository.saveWithPointer(base + "/runs/b.ckpt", seed: 2)
    var new = try repository.saveWithPointer(base + "/runs/b.ckpt", seed: 3)
    new.earlier = [old.checkpoint]
    try new.write(to: base + "/runs/b.ckpt", overwrite: true)
    try FileManager.default.createSymbolicLink(atPath: base + "/runs/link", withDestinationPath: base + "/far")
    try FileManager.default.createSymbolicLink(atPath: base + "/far/back", withDestinationPath: base + "/runs")
    try repository.saveWithPointer(base + "/runs/link/c.ckpt")
    // A tag, and what was saved without a pointer: a state of that name, a file, a copy.
    var request = SaveRequest(path: "runs/d.ckpt")
    request.tags = ["best"]
    request.pointer = true
    _ = try repository.save(["x": 1] as Checkpoint, request)
    try writeFile([1, 2], base + "/runs/file")
    _ = try repository.save(file: base + "/runs/file", SaveRequest(path: "runs/file"))
    _ = try repository.saveState("runs/e.ckpt")
    _ = try repository.copy(PathName(path: "runs/d.ckpt"), SaveRequest(path: "runs/f.ckpt"))
    _ = try repository.saveState("run/g.ckpt", pointer: true)
    #expect(try paths(repository, base + "/runs") == [])
    // A full file of the plugin's, however large.
    let full = try repository.saveWithPointer(base + "/runs/full.ckpt", seed: 4)
    try writeFile(try Self.fullFile(full), base + "/runs/full.ckpt")
    #expect(try contents(base + "/runs/full.ckpt").count > Pointer.sizeLimit)
    #expect(try paths(repository, base + "/runs") == [])
    unlink(base + "/runs/full.ckpt")
    #expect(try paths(repository, base + "/runs") == ["runs/full.ckpt"])
  }

  @Test func nothingIsFreedWhileNobodyCanSayWhatAPointerHolds() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let base = scratch.path
    try scratch.make("runs")
    let kept = try repository.saveWithPointer(base + "/runs/a.ckpt")
    let gone = try repository.saveWithPointer(base + "/runs/b.ckpt")
    unlink(base + "/runs/b.ckpt")
    var broken = kept
    broken.checkpoint = "not an id"
    try broken.write(to: base + "/runs/broken", overwrite: true)
    let error = #expect(throws: CairnError.self) { try repository.removeUnheld(below: [base + "/runs"]) }
    #expect(error?.message.contains("/runs/broken") == true)
    #expect(try repository.checkpoint(id: gone.checkpoint) != nil)
    #expect(try repository.removeUnheld(below: [base + "/runs"], force: true).removal.removed == ["runs/b.ckpt@1"])
    #expect(try repository.checkpoint(id: kept.checkpoint) != nil)
  }

  @Test func aSaveInProgressKeepsItsVersion() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try scratch.make("runs")
    _ = try repository.saveState("runs/a.ckpt", pointer: true)
    try writeFile([1], scratch.path + "/runs/.cairn-0123.tmp")
    let found = try repository.unheldVersions(below: [scratch.path + "/runs"])
    #expect(found.checkpoints.isEmpty)
    #expect(found.busyDirectories == [scratch.path + "/runs"])
    var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
    #expect(utimes(scratch.path + "/runs/.cairn-0123.tmp", &times) == 0)
    #expect(try paths(repository, scratch.path + "/runs") == ["runs/a.ckpt"])
  }

  @Test func theFileThatItWasWrittenForCountsNotTheName() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let base = scratch.path
    for directory in ["a", "b"] { try scratch.make(directory) }
    let pointer = try repository.saveWithPointer(base + "/a/last.ckpt")
    _ = try repository.move(PathName(path: "a/last.ckpt"), to: "b/best")
    func expectHeld() throws {
      #expect(try repository.checkpoint(id: pointer.checkpoint)?.pointerPath == "a/last.ckpt")
      #expect(try paths(repository, base + "/b") == [])
      #expect(try paths(repository, base + "/a") == [])
    }
    try expectHeld()
    #expect(try repository.removeUnheld(below: [base + "/b"]).removal.removed == [])
    // Whatever the index is made from.
    try repository.reindex()
    try expectHeld()
    unlink(repository.path + "/log.jsonl")
    var options = VerifyOptions()
    options.repair = true
    #expect(try repository.verify(options).repaired.count == 1)
    try expectHeld()
    try repository.reindex()
    try expectHeld()
    unlink(base + "/a/last.ckpt")
    #expect(try paths(repository, base + "/b") == [])
    #expect(try paths(repository, base + "/a") == ["b/best"])
  }

  @Test func directoriesThatLookAlikeAreTwo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let (composed, decomposed) = (scratch.path + "/\u{E9}", scratch.path + "/e\u{301}")
    for directory in [composed, decomposed] { #expect(mkdir(directory, 0o700) == 0) }
    let pointer = try repository.saveWithPointer(decomposed + "/a.ckpt")
    #expect(
      Array(try #require(try repository.checkpoint(id: pointer.checkpoint)).path.utf8) == Array("e\u{301}/a.ckpt".utf8))
    #expect(rename(decomposed + "/a.ckpt", decomposed + "/b.ckpt") == 0)
    #expect(try paths(repository, composed) == [])
    #expect(try paths(repository, decomposed) == [])
    #expect(unlink(decomposed + "/b.ckpt") == 0)
    #expect(try paths(repository, composed) == [])
    #expect(try paths(repository, composed, decomposed).count == 1)
  }

  @Test func whatIsTaggedAtTheLastMomentStays() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let file = scratch.path + "/a.ckpt"
    let pointer = try repository.saveWithPointer(file)
    let removal = try repository.tagging(pointer.checkpoint, whileWaiting: .milliseconds(500)) {
      try $0.removePointer(at: file, holding: pointer)
    }
    #expect(removal.removed == [])
    #expect(removal.warnings == ["a.ckpt@1: stays, since it has the tag keep"])
    _ = try repository.untag("keep")
    // Longer than a version is given to get its pointer.
    let (_, unheld) = try repository.tagging(pointer.checkpoint, whileWaiting: .seconds(6)) {
      try $0.removeUnheld(below: [scratch.path])
    }
    #expect(unheld.removed == [])
    #expect(try repository.checkpoint(id: pointer.checkpoint)?.tags == ["keep"])
  }

  /// A container of 100 KB with a pointer's pickle as a record of its own, as the plugin embeds it.
  private static func fullFile(_ pointer: Pointer) throws -> [UInt8] {
    final class Collected { var bytes: [UInt8] = [] }
    let pickle = try #require(try PyTorchContainer(BytesSource(pointer.container(), name: "pointer"))).pickle
    let collected = Collected()
    var zip = ZipWriter { collected.bytes.append(contentsOf: $0) }
    try zip.add("full/data.pkl", [0x80, 2, 0x7D, 0x2E])
    try zip.add("full/data/0", [UInt8](repeating: 7, count: 100_000))
    try zip.add("full/cairn_pointer.pkl", pickle)
    try zip.finish()
    return collected.bytes
  }
}
