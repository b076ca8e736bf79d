import Cairn
import Foundation
import Synchronization
import Testing

@testable import CairnC

@Suite struct SavingTests {
  /// Python's pickler names storages in another order than that of their keys.
  @Test func tensorsBelongToTheStoragesThatTheirKeysName() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let storages = [bytes(10, seed: 1), bytes(200_000, seed: 2), []]
    let pickle = statePickle([("b", "1", 200_000), ("a", "0", 10)], numbers: [("epoch", 3), ("global_step", 9)])
    let report = try save(
      repository, storages, skeleton: pickle,
      #"{"path": "last.ckpt", "run": "r", "metrics": {"loss": 0.5, "bad": "NaN"}, "tags": ["best"], "step": null}"#)
    #expect(report["version"] == 1)
    #expect(report["new_bytes"] == 200_010)
    #expect(report["warnings"]?.items.count == 1)

    let record = try json { resolve(repository, "best", $0, $1) }
    #expect(record["name"] == "last.ckpt@1")
    #expect(record["id"] == report["id"])
    #expect(record["step"] == 9)
    #expect(record["epoch"] == 3)
    #expect(record["metrics"]?["loss"] == 0.5)
    #expect(record["run"] == "r")

    let checkpoint = try handle { checkpointOpen(repository, "last.ckpt", $0, $1) }
    defer { checkpointClose(checkpoint) }
    #expect(try skeleton(checkpoint) == pickle)
    for copy in [false, true] {
      #expect(try regions(checkpoint, ["2", "0", "1"], copy: copy) == [storages[2], storages[0], storages[1]])
    }
    let info = try json { checkpointInfo(checkpoint, $0, $1) }
    #expect(info["kind"] == "state")
    let tensors = info["tensors"]?.items ?? []
    #expect(tensors.map { [$0["name"], $0["storage"]] } == [["b", "1"], ["a", "0"]])
    let locations = info["storages"]?.items.map { $0["location"] } ?? []
    // The third storage is one that the pickle does not name.
    #expect(locations == ["cpu", "cpu", .null])
    var part = [UInt8](repeating: 0, count: 1_000)
    try call { checkpointRead(checkpoint, "1", 65_000, 1_000, &part, 1, $0) }
    #expect(part == Array(storages[1][65_000..<66_000]))
    #expect(try code { try call { checkpointRead(checkpoint, "1", 199_001, 1_000, &part, 1, $0) } } == 8)
    #expect(try code { try call { checkpointRead(checkpoint, "1", .max, 1_000, &part, 1, $0) } } == 8)
    #expect(try code { try call { checkpointRead(checkpoint, "3", 0, 1, &part, 1, $0) } } == 6)
  }

  /// An untyped storage need not be a multiple of its elements' size; Python says how many whole ones there are.
  @Test func aStorageMayHaveMoreBytesThanTheStateSays() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    try save(repository, [bytes(70_003, seed: 1)], skeleton: statePickle([("a", "0", 70_000)]), #"{"path": "a"}"#)
    let checkpoint = try handle { checkpointOpen(repository, "a", $0, $1) }
    defer { checkpointClose(checkpoint) }
    #expect(try regions(checkpoint, ["0"], copy: false)[0].count == 70_003)
    for mode in [LoadMode.copied, .mapped] {
      let state = try Repository(opening: scratch.path).load(PathName(path: "a"), mode)
      #expect(state["a"]?.tensor?.shape == [70_000])
    }
  }

  @Test func largeSkeletonIsNoStorageOfTheState() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    let long = String(repeating: "x", count: 100_000)
    let pickle = statePickle([("a", "0", 10)], numbers: [(long, 1)])
    try save(repository, [bytes(10, seed: 1)], skeleton: pickle, #"{"path": "a"}"#)
    let checkpoint = try handle { checkpointOpen(repository, "a", $0, $1) }
    // What was opened outlives the repository's handle.
    closeRepository(repository)
    defer { checkpointClose(checkpoint) }
    #expect(try skeleton(checkpoint) == pickle)
    #expect(try json { checkpointInfo(checkpoint, $0, $1) }["storages"]?.items.count == 1)
  }

  @Test func statesWithoutAllTheirStoragesAreRefused() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    for key in ["1", "00", "-1", "a", "99999999999999999999"] {
      let pickle = statePickle([("a", key, 10)])
      #expect(
        try code { try save(repository, [bytes(10, seed: 1)], skeleton: pickle, #"{"path": "a"}"#) } == 8, "\(key)")
    }
    let short = statePickle([("a", "0", 11)])
    #expect(try code { try save(repository, [bytes(10, seed: 1)], skeleton: short, #"{"path": "a"}"#) } == 8)
    let handle = try handle { saveBegin(repository, $0, $1) }
    defer { saveAbort(handle) }
    #expect(try code { try call { saveAddStorage(handle, "1", nil, 0, $0) } } == 8)
    #expect(try code { _ = try json { saveCommit(handle, #"{"path": "a"}"#, $0, $1) } } == 8)
    #expect(try json { CairnC.log(repository, nil, $0, $1) } == [])
  }

  /// A list that holds itself can be read; an opcode that does not exist, no pickle at all and a stack that lacks
  /// something are Python's business.
  @Test(arguments: [("]q\u{0}h\u{0}a.", 0), ("\u{0}\u{1}", 1), ("", 1), ("}(u", 1), ("N.", 0), ("Nb.", 1)])
  func whatCannotBeReadIsSavedWithAWarning(_ pickle: String, warnings: Int) throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let storage = bytes(70_000, seed: 1)
    let report = try save(repository, [storage], skeleton: Array(pickle.utf8), #"{"path": "a", "step": 4}"#)
    #expect(report["warnings"]?.items.count == warnings)
    let checkpoint = try handle { checkpointOpen(repository, "a", $0, $1) }
    defer { checkpointClose(checkpoint) }
    #expect(try skeleton(checkpoint) == Array(pickle.utf8))
    #expect(try regions(checkpoint, ["0"], copy: false) == [storage])
    #expect(try json { checkpointInfo(checkpoint, $0, $1) }["tensors"] == [])
    #expect(try json { resolve(repository, "a", $0, $1) }["step"] == 4)
  }

  @Test func streamsAreReadInWholeChunks() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let content = bytes(300_000, seed: 7)
    let memory = try copied(content)
    defer { free(memory) }
    let save = try handle { saveBegin(repository, $0, $1) }
    defer { saveAbort(save) }
    try call { error in
      saveAddStream(
        save, "0", 300_000,
        { context, buffer, offset, length in
          guard let context, let buffer, offset % 65_536 == 0, length == min(65_536, 300_000 - offset) else { return 1 }
          buffer.copyMemory(from: context + Int(offset), byteCount: Int(length))
          return 0
        }, memory, error)
    }
    let pickle = statePickle([("a", "0", 300_000)])
    try call { saveSetSkeleton(save, pickle, UInt64(pickle.count), $0) }
    _ = try json { saveCommit(save, #"{"path": "a"}"#, $0, $1) }
    #expect(try code { _ = try json { saveCommit(save, #"{"path": "a"}"#, $0, $1) } } == 8)
    let checkpoint = try handle { checkpointOpen(repository, "a", $0, $1) }
    defer { checkpointClose(checkpoint) }
    #expect(try regions(checkpoint, ["0"], copy: true) == [content])
  }

  @Test func aReaderThatGivesUpEndsTheSave() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let save = try handle { saveBegin(repository, $0, $1) }
    defer { saveAbort(save) }
    try call { saveAddStream(save, "0", 10_000_000, { _, _, offset, _ in offset > 100_000 ? 7 : 0 }, nil, $0) }
    let pickle = statePickle([("a", "0", 10_000_000)])
    try call { saveSetSkeleton(save, pickle, UInt64(pickle.count), $0) }
    #expect(try code { _ = try json { saveCommit(save, #"{"path": "a"}"#, $0, $1) } } == 11)
    #expect(try json { CairnC.log(repository, nil, $0, $1) } == [])
  }

  @Test func cancellingARunningSaveLeavesNothing() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let save = try handle { saveBegin(repository, $0, $1) }
    defer { saveAbort(save) }
    try call { error in
      saveAddStream(
        save, "0", 10_000_000,
        { context, _, offset, _ in
          if offset > 100_000 { saveCancel(context.map { OpaquePointer($0) }) }
          return 0
        }, UnsafeMutableRawPointer(save), error)
    }
    let pickle = statePickle([("a", "0", 10_000_000)])
    try call { saveSetSkeleton(save, pickle, UInt64(pickle.count), $0) }
    #expect(try code { _ = try json { saveCommit(save, #"{"path": "a"}"#, $0, $1) } } == 102)
    #expect(try json { CairnC.log(repository, nil, $0, $1) } == [])
    let files = FileManager.default.subpaths(atPath: scratch.path + "/.cairn") ?? []
    #expect(!files.contains { $0.hasPrefix("tmp/") || $0.hasPrefix("blobs/") && $0.count > 10 })
  }
}
