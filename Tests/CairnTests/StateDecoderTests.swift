import Cairn
import Testing

@Suite struct StateDecoderTests {
  private func decode(_ text: String, weightsOnly: Bool = false) throws -> Checkpoint {
    try StateDecoder.decode(Array(text.utf8), name: "test.pkl", weightsOnly: weightsOnly) { _, byteCount, location in
      TensorStorage(byteCount: byteCount, location: location)
    }
  }

  @Test func weightsOnlyNamesTheClassAndItsPlace() throws {
    let pickle = "}Vhyper\n}Vlist\n](K\u{1}cos\nsystem\n(Vrm\ntRess."
    #expect(throws: StateError.notOnlyWeights(className: "os.system", place: "hyper.list.1")) {
      try decode(pickle, weightsOnly: true)
    }
    guard case .object(let object)? = try decode(pickle)["hyper"]?["list"]?[1] else { throw Missing(key: "object") }
    #expect(object.className == "os.system")
    #expect(object.arguments == .tuple(["rm"]))
  }

  @Test(arguments: [
    "cmy\nClass\n.", "cmy\nClass\n)R.", "cmy\nClass\n)\u{81}.", "cbuiltins\neval\n.",
    "ccollections\nOrderedDict\n(cmy\nC\ntR.",
    "cbuiltins\ngetattr\n(cos\nVsystem\ntR.", "ctorch\nload\n(Vx\ntR.", "ctorch.nn.parameter\nParameter\n)R.",
  ])
  func weightsOnlyRefusesWhatIsNoWeight(_ pickle: String) {
    let bytes = pickle.unicodeScalars.map { UInt8($0.value) }
    #expect(throws: (any Error).self) {
      try StateDecoder.decode(bytes, weightsOnly: true) { _, count, _ in TensorStorage(byteCount: count) }
    }
  }

  @Test func weightsOnlyTakesSizesDevicesAndTypes() throws {
    let state: Checkpoint = [
      .object(OpaqueObject(callable: .global(PickleGlobal("torch", "Size")), arguments: .tuple([.tuple([1, 2])]))),
      .object(OpaqueObject(callable: .global(PickleGlobal("torch", "device")), arguments: .tuple(["cuda", 0]))),
      .global(PickleGlobal("torch", "bfloat16")), .set([1]), .bytes([1]), .complex(real: 1, imaginary: 2),
    ]
    #expect(try roundTrip(state, weightsOnly: true) == state)
  }

  @Test func sparseAndQuantizedTensorsKeepTheirTensors() throws {
    let indices = Checkpoint.tensor(try Tensor([0, 1] as [Int64], shape: [1, 2]))
    let values = Checkpoint.tensor(try Tensor([5, 6] as [Float]))
    let layout = OpaqueObject(
      callable: .global(PickleGlobal("torch.serialization", "_get_layout")), arguments: .tuple(["torch.sparse_coo"]))
    let sparse = OpaqueObject(
      callable: .global(PickleGlobal("torch._utils", "_rebuild_sparse_tensor")),
      arguments: .tuple([.object(layout), .tuple([indices, values, .tuple([3])])]))
    let quantized = OpaqueObject(
      callable: .global(PickleGlobal("torch._utils", "_rebuild_qtensor")),
      arguments: .tuple([
        .storage(StorageValue(storage: TensorStorage([1, 2]), dtype: .quint8)), 0, .tuple([2]), .tuple([1]),
        .tuple([.global(PickleGlobal("torch", "per_tensor_affine")), 0.1, 0]), false,
        .dictionary(CheckpointDictionary(.ordered)),
      ]))
    let state: Checkpoint = ["s": .object(sparse), "q": .object(quantized)]
    let encoded = try StateEncoder.encode(state)
    #expect(encoded.tensors.map(\.name) == ["s.indices", "s.values", "q"])
    #expect(encoded.tensors.map(\.storage) == [0, 1, 2])
    #expect(try roundTrip(state, weightsOnly: true) == state)
  }

  @Test func locationsAreMapped() throws {
    func tensor(_ location: String) throws -> Checkpoint {
      .tensor(try Tensor(dtype: .uint8, shape: [1], storage: TensorStorage([1], location: location)))
    }
    let encoded = try StateEncoder.encode([tensor("cpu"), tensor("cuda:0"), tensor("cuda:1")])
    func locations(_ map: MapLocation?) throws -> [String?] {
      let state = try CairnTests.decode(encoded, mapLocation: map)
      return (0..<3).map { state[$0]?.tensor?.storage.location }
    }
    #expect(try locations(nil) == ["cpu", "cuda:0", "cuda:1"])
    #expect(try locations("cpu") == ["cpu", "cpu", "cpu"])
    #expect(try locations(["cuda:1": "cuda:0"]) == ["cpu", "cuda:0", "cuda:0"])
    #expect(try locations(.function { $0 == "cpu" ? "meta" : $0 }) == ["meta", "cuda:0", "cuda:1"])
  }

  @Test func aStorageOfAnotherSizeIsRefused() throws {
    let encoded = try StateEncoder.encode(.tensor(Tensor([1, 2] as [Float])))
    #expect(throws: StateError.storageSize(key: "0", expected: 8, found: 7)) {
      try StateDecoder.decode(encoded.skeleton) { _, _, _ in TensorStorage(byteCount: 7) }
    }
  }

  @Test func whatASwiftValueCannotHoldIsRefused() {
    // A list in itself, and a call for its effect only.
    #expect(throws: StateError.self) { try decode("]p0\ng0\na.") }
    #expect(throws: StateError.self) { try decode("Ncm\nf\n)R0.") }
  }

  @Test func depthIsRefusedWithoutACrash() {
    let lists = String(repeating: "]", count: 100_000) + String(repeating: "a", count: 99_999) + "."
    #expect(throws: StateError.tooDeep) { try decode(lists) }
    let calls = String(repeating: "cm\nf\n", count: 100_000) + ")" + String(repeating: "R", count: 100_000) + "."
    #expect(throws: StateError.tooDeep) { try decode(calls) }
  }

  @Test func sharedValuesCostNoMoreThanTheyTake() throws {
    // 2^60 lists, if they were made one by one.
    var pickle = "]p0\n"
    for index in 0..<60 { pickle += "0](g\(index)\ng\(index)\nep\(index + 1)\n" }
    let state = try decode(pickle + ".")
    #expect(state.elements?.count == 2)

    // As a key, such a value would be looked at as a whole.
    var key = ")p0\n"
    for index in 0..<60 { key += "0g\(index)\ng\(index)\n\u{86}p\(index + 1)\n" }
    let bytes = "}\(key)Ns.".unicodeScalars.map { UInt8($0.value) }
    #expect(throws: StateError.self) {
      try StateDecoder.decode(bytes) { _, count, _ in TensorStorage(byteCount: count) }
    }
  }

  @Test func damagedSkeletonsNeverCrash() throws {
    var maker = StateMaker(seed: 5)
    var state: Checkpoint = [:]
    for number in 0..<6 { state["\(number)"] = try maker.value(depth: 3) }
    state["t"] = .tensor(try maker.tensor())
    let skeleton = try StateEncoder.encode(state).skeleton
    var random = SeededGenerator(seed: 6)
    for _ in 0..<3000 {
      var bytes = skeleton
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = try? StateDecoder.decode(bytes) { key, count, _ in
        guard count < 1 << 20 else { throw Missing(key: key) }
        return TensorStorage(byteCount: count)
      }
    }
  }
}
