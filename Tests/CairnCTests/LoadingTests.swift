import Cairn
import Foundation
import Testing

@testable import CairnC

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures").path

@Suite struct LoadingTests {
  @Test func aPointerNeedsNoLogAndNoIndex() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    let storage = bytes(100_000, seed: 3)
    let report = try save(
      repository, [storage], skeleton: statePickle([("a", "0", 100_000)]), #"{"path": "a"}"#)
    closeRepository(repository)
    let path = scratch.path + "/.cairn"
    for name in ["log.jsonl", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "lock"] {
      try? FileManager.default.removeItem(atPath: path + "/" + name)
    }
    let before = Set(FileManager.default.subpaths(atPath: path) ?? [])
    let (id, manifest) = (report["repository"]?.text ?? "", report["manifest"]?.text ?? "")
    func open(_ id: String, _ manifest: String) throws -> OpaquePointer {
      try handle { checkpointOpenManifest(path, id, manifest, $0, $1) }
    }
    let checkpoint = try open(id, manifest)
    #expect(try regions(checkpoint, ["0"], copy: true) == [storage])
    checkpointClose(checkpoint)
    #expect(Set(FileManager.default.subpaths(atPath: path) ?? []) == before)

    let other = String(repeating: "0", count: id.count)
    #expect(try code { _ = try open(other, manifest) } == 1)
    #expect(try code { _ = try open(id, "../../etc/passwd") } == 8)
    #expect(try code { _ = try open(id, String(repeating: "0", count: 64)) } == 5)
    // A FIFO where the manifest should be would hold up whoever opens it.
    let file = "\(path)/blobs/\(manifest.prefix(2))/\(manifest).zst"
    try FileManager.default.removeItem(atPath: file)
    #expect(mkfifo(file, 0o600) == 0)
    #expect(try code { _ = try open(id, manifest) } == 4)
    try FileManager.default.removeItem(atPath: path + "/cairn.json")
    #expect(mkfifo(path + "/cairn.json", 0o600) == 0)
    #expect(try code { _ = try open(id, manifest) } == 4)
  }

  @Test func aPyTorchFileOpensAsAState() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let file = fixtures + "/pytorch-2.x/weights.pt"
    _ = try json { saveFile(repository, file, #"{"path": "w.pt"}"#, $0, $1) }
    let checkpoint = try handle { checkpointOpen(repository, "w.pt", $0, $1) }
    defer { checkpointClose(checkpoint) }
    let source = try FileSource(path: file)
    let container = try #require(try PyTorchContainer(source))
    #expect(try skeleton(checkpoint) == container.pickle)
    let info = try json { checkpointInfo(checkpoint, $0, $1) }
    #expect(info["kind"] == "file")
    let keys = info["storages"]?.items.compactMap { $0["key"]?.text } ?? []
    #expect(Set(keys) == Set(container.storages.keys))
    for (key, loaded) in zip(keys, try regions(checkpoint, keys, copy: false)) {
      let extent = try #require(container.storages[key])
      #expect(try loaded == source.bytes(at: extent.offset, count: extent.length))
    }
  }

  @Test func aBigEndianFileComesInThisMachinesOrder() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let file = fixtures + "/pytorch-2.x/big_endian.pt"
    _ = try json { saveFile(repository, file, #"{"path": "b.pt"}"#, $0, $1) }
    let checkpoint = try handle { checkpointOpen(repository, "b.pt", $0, $1) }
    defer { checkpointClose(checkpoint) }
    let info = try json { checkpointInfo(checkpoint, $0, $1) }
    let opened = try Repository(opening: scratch.path)
    let state = try opened.load(PathName(path: "b.pt"))
    var compared = 0
    for tensor in info["tensors"]?.items ?? [] {
      guard let found = state[tensor["name"]?.text ?? ""]?.tensor, let key = tensor["storage"]?.stringValue else {
        continue
      }
      let loaded = try regions(checkpoint, [key], copy: false)[0]
      #expect(loaded == found.storage.withUnsafeBytes { Array($0) })
      compared += 1
    }
    #expect(compared > 0)
  }

  @Test func ofSafetensorsThereAreTensorsButNoSkeleton() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let file = fixtures + "/safetensors/weights.safetensors"
    _ = try json { saveFile(repository, file, #"{"path": "w"}"#, $0, $1) }
    let checkpoint = try handle { checkpointOpen(repository, "w", $0, $1) }
    defer { checkpointClose(checkpoint) }
    #expect(try code { _ = try skeleton(checkpoint) } == 8)
    let tensors = try json { checkpointInfo(checkpoint, $0, $1) }["tensors"]?.items ?? []
    #expect(!tensors.isEmpty)
    for tensor in tensors { _ = try regions(checkpoint, [#require(tensor["storage"]).text], copy: true) }
  }

  @Test func removedIsToldFromNeverThere() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let pickle = statePickle([])
    let first = try save(repository, [], skeleton: pickle, #"{"path": "a"}"#)["id"]?.text ?? ""
    #expect(try json { removal(repository, first, $0, $1) } == .null)
    let second =
      try save(
        repository, [], skeleton: pickle, #"{"path": "a", "replaces": ["\#(first)", "unknown"]}"#)["id"]?.text ?? ""
    #expect(try json { findID(repository, first, $0, $1) } == .null)
    #expect(try json { removal(repository, first, $0, $1) }["user"]?.text.isEmpty == false)
    #expect(try json { findID(repository, second, $0, $1) }["name"] == "a@2")
    let report = try json { removeIDs(repository, #"["\#(second)", "unknown"]"#, $0, $1) }
    #expect(report["removed"] == ["a@2"])
    #expect(try code { _ = try handle { checkpointOpen(repository, "a", $0, $1) } } == 7)
    #expect(try code { _ = try handle { checkpointOpen(repository, "b", $0, $1) } } == 6)
  }

  @Test func oneHandleServesManyThreads() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    let address = UInt(bitPattern: repository)
    try inParallel(16) { index in
      let repository = try #require(OpaquePointer(bitPattern: address))
      let storage = bytes(100_000, seed: UInt64(index % 3))
      let pickle = statePickle([("a", "0", 100_000)])
      try save(repository, [storage], skeleton: pickle, #"{"path": "p\#(index % 4)", "keep_versions": 2}"#)
      let checkpoint = try handle { checkpointOpen(repository, "p\(index % 4)", $0, $1) }
      defer { checkpointClose(checkpoint) }
      #expect(try skeleton(checkpoint) == pickle)
    }
    #expect(try json { CairnC.log(repository, nil, $0, $1) }.items.count == 8)
  }
}
