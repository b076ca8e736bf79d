import Cairn
import Foundation
import Testing

@Suite struct DiffTests {
  private struct Saved {
    let scratch: Scratch
    let repository: Repository

    init() throws {
      scratch = try Scratch()
      repository = try scratch.repository()
    }

    func save(_ name: String, _ state: Checkpoint) throws { _ = try repository.save(state, SaveRequest(path: name)) }

    func diff(values: Bool = false, only: String? = nil) throws -> CheckpointDiff {
      var options = DiffOptions()
      options.values = values
      options.only = only.map { Glob($0) }
      return try repository.diff(
        .checkpoint(PathName(path: "a")), .checkpoint(PathName(path: "b")), options)
    }
  }

  private static func floats(_ count: Int, from start: Int = 0) -> [Float] {
    (start..<start + count).map { Float($0) * 0.5 }
  }

  private static func tensor(_ values: [Float], _ shape: [Int]? = nil) throws -> Checkpoint {
    .tensor(try Tensor(values, shape: shape ?? [values.count]))
  }

  @Test func everyKindOfChangeIsFound() throws {
    let saved = try Saved()
    let big = Self.floats(40_000)
    let halves = try Tensor(
      dtype: .float16, shape: [4], storage: TensorStorage([0, 0x3C, 0, 0x40, 0, 0x42, 0, 0x44]))
    try saved.save(
      "a",
      [
        "same": try Self.tensor(big), "changed": try Self.tensor(Self.floats(100)),
        "reshaped": try Self.tensor(Self.floats(6), [2, 3]), "retyped": try Self.tensor([1, 2, 3, 4.5]),
        "gone": try Self.tensor(Self.floats(50, from: 7)), "layer.0.weight": try Self.tensor(Self.floats(64, from: 9)),
      ])
    try saved.save(
      "b",
      [
        "same": try Self.tensor(big), "changed": try Self.tensor(Self.floats(99) + [-1]),
        "reshaped": try Self.tensor(Self.floats(6), [3, 2]), "retyped": .tensor(halves),
        "new": try Self.tensor(Self.floats(50, from: 8)), "block.0.weight": try Self.tensor(Self.floats(64, from: 9)),
      ])
    let diff = try saved.diff(values: true)
    #expect(diff.unchangedCount == 1)
    #expect(
      diff.tensors.map { "\($0.kind) \($0.old?.name ?? "-") \($0.new?.name ?? "-")" } == [
        "moved layer.0.weight block.0.weight", "changed changed changed", "removed gone -", "added - new",
        "reshaped reshaped reshaped", "retyped retyped retyped",
      ])
    let retyped = try #require(diff.tensors.last?.values)
    #expect(retyped.changedCount == 1)
    #expect(retyped.maximumDifference == 0.5)
    #expect(diff.tensors[1].values?.changedCount == 1)
    #expect(diff.tensors[1].values?.maximumDifference == 50.5)
    #expect(try saved.diff(only: "*.weight").tensors.map(\.kind) == [.moved])
    #expect(try saved.diff(only: "layer*").tensors.map(\.kind) == [.moved])
    #expect(try saved.diff(only: "s?me").isDifferent == false)
  }

  @Test func aViewOnALargerStorageIsTheSameWhateverElseChangesInIt() throws {
    let saved = try Saved()
    let chunk = 64 * 1024
    func state(_ last: UInt8) throws -> Checkpoint {
      var bytes = [UInt8](repeating: 1, count: 2 * chunk)
      bytes[2 * chunk - 1] = last
      let storage = TensorStorage(bytes)
      func view(_ shape: [Int], _ offset: Int) throws -> Checkpoint {
        .tensor(try Tensor(dtype: .uint8, shape: shape, byteOffset: offset, storage: storage))
      }
      return [
        "first": try view([chunk], 0), "second": try view([chunk], chunk), "near": try view([10], chunk),
        "across": try view([chunk], 100),
      ]
    }
    try saved.save("a", try state(1))
    try saved.save("b", try state(2))
    let diff = try saved.diff()
    // Two lie in the chunk that has changed, and nobody has looked into it.
    #expect(
      diff.tensors.map { "\($0.kind) \($0.name) \($0.isCertain)" } == [
        "changed across false", "changed near false", "changed second true",
      ])
    let read = try saved.diff(values: true)
    #expect(read.tensors.map(\.name) == ["second"])
    #expect(read.unchangedCount == 3)
    #expect(read.relaidCount == 2)
  }

  @Test func tensorsAreTheSameInAPyTorchFileAndInSafetensors() throws {
    let saved = try Saved()
    let fixture = Fixtures.directory + "/pytorch-2.x/weights.pt"
    _ = try saved.repository.save(file: fixture, SaveRequest(path: "a"))
    var options = RestoreOptions()
    options.format = .safetensors
    let out = saved.scratch.path + "/w.safetensors"
    _ = try saved.repository.restore(PathName(path: "a"), to: out, options)
    let diff = try saved.repository.diff(.checkpoint(PathName(path: "a")), .file(out))
    #expect(diff.tensors.isEmpty)
    #expect(diff.unchangedCount > 0)
  }

  @Test func tiedAndEqualTensorsAreMovedOnlyWhereItIsClear() throws {
    let saved = try Saved()
    let zeros = [Float](repeating: 0, count: 32)
    try saved.save(
      "a",
      [
        "layer.0.bias": try Self.tensor(zeros), "layer.1.bias": try Self.tensor(zeros), "p": try Self.tensor(zeros),
        "step": try Self.tensor([3]), "empty": try Self.tensor([]),
      ])
    try saved.save(
      "b",
      [
        "module.layer.0.bias": try Self.tensor(zeros), "module.layer.1.bias": try Self.tensor(zeros),
        "q": try Self.tensor(zeros), "r": try Self.tensor(zeros), "count": try Self.tensor([3]),
        "nothing": try Self.tensor([]),
      ])
    let diff = try saved.diff()
    #expect(
      diff.tensors.filter { $0.kind == .moved }.map { "\($0.old?.name ?? "") \($0.new?.name ?? "")" } == [
        "layer.0.bias module.layer.0.bias", "layer.1.bias module.layer.1.bias",
      ])
    // p may be q or r; a single equal number, or none, says nothing.
    #expect(diff.count(.removed) == 3)
    #expect(diff.count(.added) == 4)
  }

  @Test func metadataIsComparedByDottedName() throws {
    let saved = try Saved()
    func save(_ name: String, _ lr: Double, _ run: String, _ loss: Double) throws {
      var request = SaveRequest(path: name)
      request.run = run
      request.metrics = ["loss": loss]
      request.metadata = ["note": ["x": [1, 2]]]
      request.tags = [name + "-tag"]
      let state: Checkpoint = [
        "epoch": 3, "global_step": 10, "hyper_parameters": ["lr": .double(lr), "layers": [1, 2]],
      ]
      _ = try saved.repository.save(state, request)
    }
    try save("a", 0.1, "one", 0.5)
    try save("b", 0.01, "two", 0.25)
    let diff = try saved.diff()
    #expect(diff.isDifferent)
    #expect(diff.metadata.map(\.name) == ["run", "metrics.loss", "extracted.hyper_parameters.lr"])
    #expect(diff.metadata.map(\.old) == ["one", 0.5, 0.1])
    #expect(diff.metadata.map(\.new) == ["two", 0.25, 0.01])
    #expect(try saved.diff(only: "*").metadata.isEmpty)
  }

  @Test func aBigEndianFileIsComparedByValue() throws {
    let saved = try Saved()
    let big = Fixtures.directory + "/pytorch-2.x/big_endian.pt"
    _ = try saved.repository.save(file: big, SaveRequest(path: "big"))
    let state = try saved.repository.load(PathName(path: "big"))
    _ = try saved.repository.save(state, SaveRequest(path: "little"))
    var options = DiffOptions()
    options.values = true
    for side in [DiffSide.checkpoint(PathName(path: "big")), .file(big)] {
      let diff = try saved.repository.diff(side, .checkpoint(PathName(path: "little")), options)
      #expect(diff.tensors.isEmpty, "\(diff.tensors)")
      #expect(diff.relaidCount > 0)
      #expect(try saved.repository.diff(side, side).tensors.isEmpty)
    }
  }

  @Test(arguments: ["pytorch-2.x", "pytorch-1.13", "safetensors", "finetune"].flatMap { Fixtures.files($0) })
  func aFileIsTheSameAsItsSavedSelf(_ file: String) throws {
    let saved = try Saved()
    _ = try saved.repository.save(file: file, SaveRequest(path: "file"))
    let names = ["legacy.pt", "legacy_protocol4.pt"]
    if names.contains(where: { file.hasSuffix("/" + $0) }) {
      #expect(throws: CairnError.self) { try TensorCatalog(file: file) }
      return
    }
    let diff = try saved.repository.diff(.checkpoint(PathName(path: "file")), .file(file))
    #expect(!diff.isDifferent, "\(diff)")
    let catalog = try saved.repository.tensors(of: .file(file))
    for entry in catalog.tensors { _ = try catalog.summary(of: entry) }
  }

  @Test func rawTypesAreComparedByTheirBytes() throws {
    let saved = try Saved()
    func save(_ name: String, _ bytes: [UInt8]) throws {
      let entries = ["qint8", "quint4x2", "float4_e2m1fn_x2", "float6_e2m3fn"].enumerated().map { index, dtype in
        TensorEntry(
          name: dtype, dtype: dtype, shape: [dtype == "quint4x2" ? 7 : 4], strides: [1], byteOffset: 0, storage: index)
      }
      let content = CheckpointContent(
        content: .state(skeleton: .inline([0x80, 2, 0x7D, 0x2E])), tensors: entries, metadata: [:],
        sources: entries.map { BytesSource(bytes, name: $0.name) })
      _ = try saved.repository.save(content, SaveRequest(path: name))
    }
    try save("a", [1, 2, 0xFF, 4])
    try save("b", [1, 2, 1, 4])
    let values = Dictionary(uniqueKeysWithValues: try saved.diff(values: true).tensors.map { ($0.name, $0.values) })
    #expect(values["qint8"]??.maximumDifference == 2)
    for name in ["quint4x2", "float4_e2m1fn_x2", "float6_e2m3fn"] {
      let change = try #require(values[name] ?? nil)
      #expect(change.countsBytes && change.changedCount == 1 && change.count == 4)
      #expect(change.maximumDifference == nil)
    }
  }

  @Test func integersOf64BitsAreComparedExactly() throws {
    let saved = try Saved()
    let big = Int64.max - 5
    try saved.save("a", ["x": .tensor(try Tensor([big, .min, 3] as [Int64]))])
    try saved.save("b", ["x": .tensor(try Tensor([big - 1, .min, 3] as [Int64]))])
    #expect(try saved.diff(values: true).tensors.first?.values?.maximumDifference == 1)
  }

  @Test func aTensorThatRepeatsItsBytesWithoutEndIsRefused() throws {
    let saved = try Saved()
    for (name, value) in [("a", UInt8(1)), ("b", 2)] {
      let content = CheckpointContent(
        content: .state(skeleton: .inline([0x80, 2, 0x7D, 0x2E])),
        tensors: [
          TensorEntry(
            name: "x", dtype: "uint8", shape: [1 << 20, 1 << 20, 1 << 20], strides: [1, 1, 1], byteOffset: 0,
            storage: 0),
          TensorEntry(name: "y", dtype: "uint8", shape: [1 << 40], strides: [0], byteOffset: 0, storage: 0),
          TensorEntry(name: "z", dtype: "float32", shape: [9], strides: [1], byteOffset: 1 << 60, storage: 0),
        ], metadata: [:], sources: [BytesSource([UInt8](repeating: value, count: 1 << 22), name: name)])
      _ = try saved.repository.save(content, SaveRequest(path: name))
    }
    #expect(try saved.diff().tensors.count == 3)
    #expect(throws: TensorError.self) { try saved.diff(values: true, only: "x") }
    // What is one element, however often, is looked at once.
    let one = try #require(try saved.diff(values: true, only: "y").tensors.first?.values)
    #expect(one.count == 1 << 40)
    #expect(one.changedCount == 1 << 40)
    #expect(one.relativeDifference == 1)
  }

  @Test func damageIsNotedForTheSideThatHasIt() throws {
    let saved = try Saved()
    try saved.save("a", ["x": try Self.tensor(Self.floats(20_000))])
    try saved.save("b", ["x": try Self.tensor(Self.floats(20_000, from: 1))])
    let bytes = Self.floats(20_000, from: 1).withUnsafeBytes { Array($0.prefix(64 * 1024)) }
    let hex = Digest(hashing: bytes).hex
    let blob = try #require(try saved.repository.blobFiles().first { $0.path.hasSuffix(hex) })
    chmod(blob.path, 0o644)
    truncate(blob.path, 100)
    let error = #expect(throws: CairnError.self) { try saved.diff(values: true) }
    #expect(error?.kind == .damaged)
    #expect(error?.message.contains("b@1 needs it for x") == true)
    #expect(try saved.repository.checkpoint(PathName(path: "a")).state == .whole)
    #expect(try saved.repository.checkpoint(PathName(path: "b")).state == .incomplete)
  }

  @Test func whatIsRemovedWhileItIsReadSaysSo() throws {
    let saved = try Saved()
    try saved.save("a", ["x": try Self.tensor(Self.floats(20_000))])
    let catalog = try saved.repository.tensors(of: .checkpoint(PathName(path: "a")))
    _ = try saved.repository.remove(PathName(path: "a"))
    let error = try #require(#expect(throws: CairnError.self) { try catalog.summary(of: catalog.tensor("x")) })
    #expect(saved.repository.explain(error, reading: catalog).kind == .removed)
  }
}
