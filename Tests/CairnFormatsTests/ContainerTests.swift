import CairnCore
import Testing

@testable import CairnFormats

struct ContainerTests {
  private let pickle = Array("not read here".utf8)

  private func storage(_ key: String, _ bytes: [UInt8]) -> PyTorchContainerWriter.Storage {
    PyTorchContainerWriter.Storage(key: key, byteCount: bytes.count) { write in
      try bytes.withUnsafeBytes { try write($0) }
    }
  }

  private func container(
    _ storages: [PyTorchContainerWriter.Storage], byteOrder: PyTorchContainer.ByteOrder = .little
  ) throws -> BytesSource {
    let collected = CollectedBytes()
    try PyTorchContainerWriter(archiveName: "model", byteOrder: byteOrder)
      .write(pickle: pickle, storages: storages, to: collected.write)
    return BytesSource(collected.bytes, name: "model.pt")
  }

  private func entry(_ name: String, _ shape: [Int], _ strides: [Int], at offset: Int = 0, in storage: Int)
    -> TensorEntry
  {
    TensorEntry(name: name, dtype: "float32", shape: shape, strides: strides, byteOffset: offset, storage: storage)
  }

  private func layout(_ source: some ByteSource, _ pickled: PickledTensors) throws -> FileLayout? {
    try PyTorchContainer.layout(of: source, savedAs: nil) { bytes, name, _ in
      #expect(bytes == pickle)
      #expect(name == source.name)
      return pickled
    }
  }

  @Test func writesTheRecordsOfTorchSave() throws {
    let source = try container([storage("0", [1, 2, 3, 4]), storage("1", [])])
    let container = try #require(try PyTorchContainer(source))
    #expect(
      container.archive.entries.map(\.name) == [
        "model/data.pkl", "model/.format_version", "model/.storage_alignment", "model/byteorder", "model/data/0",
        "model/data/1", "model/version", "model/.data/serialization_id",
      ])
    #expect(container.archiveName == "model")
    #expect(container.pickle == pickle)
    #expect(container.version == "3")
    #expect(container.formatVersion == "1")
    #expect(container.byteOrder == .little)
    #expect(container.serializationID?.count == 40)
    let extent = try #require(container.storages["0"])
    #expect(extent.offset % 64 == 0)
    #expect(try source.bytes(at: extent.offset, count: extent.length) == [1, 2, 3, 4])
    #expect(container.storages["1"]?.length == 0)
  }

  @Test func tensorsReferToStoragesInTheOrderOfTheFile() throws {
    let source = try container([
      storage("7", [UInt8](repeating: 1, count: 24)), storage("0", [UInt8](repeating: 2, count: 8)),
    ])
    let layout = try #require(
      try layout(
        source,
        PickledTensors(
          storages: [.init(key: "0", byteCount: 8), .init(key: "7", byteCount: 24)],
          tensors: [
            entry("small", [2], [1], in: 0), entry("large", [2, 2], [3, 1], at: 4, in: 1),
            entry("none", [0, 99], [99, 1], in: 1),
          ],
          metadata: ["epoch": 3])))
    #expect(layout.format == .pytorch)
    #expect(layout.storages.map(\.length) == [24, 8])
    #expect(layout.storages[0].offset < layout.storages[1].offset)
    #expect(layout.tensors.map(\.name) == ["small", "large", "none"])
    #expect(layout.tensors.map(\.storage) == [1, 0, 0])
    #expect(layout.metadata == ["epoch": 3])
  }

  @Test func notesBigEndianStorages() throws {
    let layout = try #require(
      try layout(container([], byteOrder: .big), PickledTensors(storages: [], tensors: [], metadata: [:])))
    #expect(layout.metadata == ["byteorder": "big"])
  }

  @Test func namesTheRecordThatIsMissingOrTooShort() throws {
    let source = try container([storage("0", [1, 2, 3, 4])])
    func problem(_ pickled: PickledTensors) -> String {
      do {
        _ = try layout(source, pickled)
        return ""
      } catch {
        return "\(error)"
      }
    }
    let wrong = [
      problem(PickledTensors(storages: [.init(key: "0", byteCount: 5)], tensors: [], metadata: [:])),
      problem(PickledTensors(storages: [.init(key: "1", byteCount: 0)], tensors: [], metadata: [:])),
    ]
    #expect(wrong[0].contains("model.pt") && wrong[0].contains("model/data/0"))
    #expect(wrong[1].contains("model/data/1 is missing"))
    let tensors = [
      entry("t", [2], [1], in: 0), entry("t", [1], [1], at: 1, in: 0), entry("t", [1], [1], at: -4, in: 0),
      entry("t", [2], [Int.max], in: 0), entry("t", [Int.max, Int.max], [1, 1], in: 0), entry("t", [2], [-1], in: 0),
      entry("t", [1], [], in: 0), entry("t", [1], [1], in: 1), entry("t", [1], [1], in: -1),
    ]
    for tensor in tensors {
      let problem = problem(
        PickledTensors(storages: [.init(key: "0", byteCount: 4)], tensors: [tensor], metadata: [:]))
      #expect(problem.contains("tensor t"))
    }
  }

  @Test func everyTruncationIsAnErrorThatSaysSo() throws {
    let bytes = try container([storage("0", [1, 2, 3, 4])]).contents
    for length in 4..<bytes.count {
      let source = BytesSource(Array(bytes.prefix(length)), name: "half.ckpt")
      do {
        _ = try PyTorchContainer(source)
        Issue.record("\(length) bytes were taken")
      } catch {
        #expect("\(error)".contains("truncated"))
      }
    }
  }

  @Test func archivesOfOtherKindsAreOpaque() throws {
    let other = ZipBuilder([.init(name: "a/x"), .init(name: "a/x"), .init(name: "../x", flags: 1)])
    let layout = try FileLayout.read(other.source, savedAs: nil) { _, _, _ in
      Issue.record("no pickle here")
      return PickledTensors(storages: [], tensors: [], metadata: [:])
    }
    #expect(layout.format == .opaque)
    #expect(layout.storages.isEmpty)
  }

  @Test func aCompressedStorageHasNoExtent() throws {
    let source = ZipBuilder([
      .init(name: "a/data.pkl", data: pickle),
      .init(name: "a/data/0", data: deflatedCairns, method: 8, content: cairns),
    ]).source
    let layout = try #require(
      try layout(
        source,
        PickledTensors(
          storages: [.init(key: "0", byteCount: 6000)], tensors: [entry("t", [1], [1], in: 0)], metadata: [:])))
    #expect(layout.storages.isEmpty)
    #expect(layout.tensors.isEmpty)
  }

  @Test func noMutationCrashes() throws {
    let bytes = try container([storage("0", [1, 2, 3, 4])]).contents
    var random = SeededGenerator(seed: 2)
    for position in bytes.indices {
      for value in [0, 0xff, bytes[position] ^ 1, .random(in: 0...255, using: &random)] as [UInt8] {
        var changed = bytes
        changed[position] = value
        guard let container = try? PyTorchContainer(BytesSource(changed, name: "mutant")) else { continue }
        for extent in container.storages.values { #expect(extent.offset + extent.length <= bytes.count) }
      }
    }
  }
}

struct ContainerDetectionTests {
  private func format(_ bytes: [UInt8], _ name: String) throws -> FileLayout.Format {
    try FileLayout.read(BytesSource(bytes, name: name), savedAs: nil) { _, _, _ in
      PickledTensors(storages: [], tensors: [], metadata: [:])
    }.format
  }

  @Test func tellsFormatsByTheirContent() throws {
    let collected = CollectedBytes()
    try PyTorchContainerWriter().write(pickle: [0x80, 2, 0x4e, 0x2e], storages: [], to: collected.write)
    #expect(try format(collected.bytes, "odd.bin") == .pytorch)
    let safetensors = [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8)
    #expect(try format(safetensors, "odd.bin") == .safetensors)
    #expect(try format(Array("{\"a\": 1}".utf8), "a.json") == .opaque)
    #expect(try format([0x80, 2, 0x4e, 0x2e], "legacy.pt") == .opaque)
    #expect(try format([], "empty") == .opaque)
  }

  @Test func whatOnlyLooksLikeSafetensorsIsOpaqueUnlessItIsCalledSo() throws {
    let broken = [3, 0, 0, 0, 0, 0, 0, 0] + Array("{a}".utf8)
    #expect(try format(broken, "odd.bin") == .opaque)
    #expect(throws: FormatError.self) { try format(broken, "model.safetensors") }
    #expect(throws: FormatError.self) { try format([], "model.safetensors") }
  }
}
