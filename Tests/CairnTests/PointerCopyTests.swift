import Cairn
import Foundation
import Testing

@Suite struct PointerCopyTests {
  @Test func aCopyHoldsAVersionOfItsOwn() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try scratch.make("keep")
    let pointer = try repository.saveWithPointer(scratch.path + "/last.ckpt", run: "r1")
    let record = try repository.checkpoint(pointer, at: "last.ckpt")
    let file = scratch.path + "/keep/exp@2"
    let report = try repository.copy(
      record, toPointerAt: file, SaveRequest(path: ""), overwrite: false, discovery: scratch.discovery)
    #expect(report.path == "keep/exp%402")
    let copied = try #require(try Pointer.read(file))
    #expect(copied.checkpoint == report.id)
    #expect(copied.manifest == pointer.manifest)
    #expect(copied.relative == "../.cairn")
    #expect(copied.run == "r1")
    #expect(copied.locations == ["cpu"])
    _ = try repository.remove(ids: [pointer.checkpoint])
    #expect(try repository.checkpoint(copied, at: file).id == report.id)
    #expect(try repository.load(PathName(path: report.path))["weight"] != nil)
    // It is known from now on, wherever the pointer goes.
    let known = KnownRepositories(environment: scratch.discovery.environment)
    #expect(known.places(of: copied.repository).isEmpty, "there is no home to keep the list in")
  }

  @Test func replacingReleasesWhatThePointerThereHeld() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let source = try repository.saveWithPointer(scratch.path + "/a.ckpt", seed: 1)
    let record = try repository.checkpoint(source, at: "a.ckpt")
    func replace(_ name: String, before: (Pointer) throws -> Void = { _ in }) throws -> Bool {
      let old = try repository.saveWithPointer(scratch.path + "/" + name, seed: 2)
      try before(old)
      _ = try repository.copy(
        record, toPointerAt: scratch.path + "/" + name, SaveRequest(path: ""), overwrite: true,
        discovery: scratch.discovery)
      return try repository.checkpoint(id: old.checkpoint) != nil
    }
    #expect(try !replace("b.ckpt"))
    let linked = try replace("linked.ckpt") { _ in
      try FileManager.default.linkItem(
        atPath: scratch.path + "/linked.ckpt", toPath: scratch.path + "/second name")
    }
    #expect(linked)
    let untagged = try replace("tagged.ckpt") { old in
      let held = try repository.checkpoint(old, at: "")
      var request = SaveRequest(path: "tagged.ckpt")
      request.tags = ["best"]
      // What it holds besides has a tag.
      var pointer = old
      pointer.earlier = [try repository.copy(PathName(path: held.path, version: held.version), request).id]
      try pointer.write(to: scratch.path + "/tagged.ckpt", overwrite: true)
    }
    #expect(!untagged)
    #expect(try repository.find(PathName(path: "best")) != nil)
    // A link is replaced, and what it leads to goes on holding its version.
    let target = try repository.saveWithPointer(scratch.path + "/target.ckpt", seed: 3)
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/link.ckpt", withDestinationPath: scratch.path + "/target.ckpt")
    _ = try repository.copy(
      record, toPointerAt: scratch.path + "/link.ckpt", SaveRequest(path: ""), overwrite: true,
      discovery: scratch.discovery)
    #expect(try repository.checkpoint(id: target.checkpoint) != nil)
    #expect(try Pointer.read(scratch.path + "/target.ckpt") == target)
  }

  @Test func aPointerThatCannotBeWrittenLeavesNoVersion() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let source = try repository.saveWithPointer(scratch.path + "/a.ckpt")
    let record = try repository.checkpoint(source, at: "a.ckpt")
    try scratch.make("directory/full")
    try writeFile([1], scratch.path + "/there")
    for (name, overwrite) in [("there", false), ("directory", true), ("missing/x", true), ("there/x", true)] {
      #expect(throws: CairnError.self) {
        try repository.copy(
          record, toPointerAt: scratch.path + "/" + name, SaveRequest(path: ""), overwrite: overwrite,
          discovery: scratch.discovery)
      }
    }
    #expect(try repository.checkpoints().map(\.id) == [source.checkpoint])
    #expect(try contents(scratch.path + "/there") == Data([1]))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0.hasSuffix(".tmp") } == [])
  }

  @Test func pointersDoNotNest() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let inner = try repository.saveWithPointer(scratch.path + "/a.ckpt")
    // No command saves one; somebody may have made a repository by other means.
    let bytes = try inner.container()
    let file = Manifest.File(
      path: "", size: bytes.count, modified: 0, modifiedNanoseconds: 0, format: "pytorch", segments: [.inline(bytes)])
    let content = CheckpointContent(content: .files([file]), tensors: [], metadata: [:], sources: [])
    _ = try repository.save(content, SaveRequest(path: "nested"))
    let record = try repository.checkpoint(PathName(path: "nested"))
    #expect { try repository.requireNoPointer(record) } throws: { ($0 as? CairnError)?.kind == .invalid }
    try repository.requireNoPointer(try repository.checkpoint(inner, at: ""))
  }

  @Test func pointersAreNotSavedAsContent() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try scratch.make("run")
    try repository.saveWithPointer(scratch.path + "/run/a.ckpt")
    try writeFile([1], scratch.path + "/run/b")
    for name in ["run/a.ckpt", "run"] {
      for opaque in [false, true] {
        let error = #expect(throws: CairnError.self) {
          try repository.save(file: scratch.path + "/" + name, SaveRequest(path: "x"), opaque: opaque)
        }
        #expect(error?.kind == .invalid)
        #expect(error?.message.contains("/run/a.ckpt: is a pointer to run/a.ckpt@1") == true)
        #expect(error?.advice.contains("cairn cp") == true)
      }
    }
    #expect(try repository.checkpoints().count == 1)
  }
}
