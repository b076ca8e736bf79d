import Cairn
import Testing

@Suite struct StateRoundTripTests {
  @Test func literalsAndSubscriptsReadAsTheyShould() throws {
    let weight = try Tensor([1, 2] as [Float])
    var state: Checkpoint = ["epoch": 3, "lr": 0.5, "list": [1, nil, true], "state_dict": ["weight": .tensor(weight)]]
    #expect(state["state_dict"]?["weight"]?.tensor == weight)
    #expect(state["list"]?[0]?.int == 1)
    #expect(state["list"]?[7] == nil)
    #expect(state["nothing"]?["at all"] == nil)
    state["epoch"] = 4
    state["lr"] = nil
    #expect(state.dictionary?.keys == ["epoch", "list", "state_dict"])
    #expect(state["epoch"] == 4)
    #expect(try roundTrip(state, weightsOnly: true) == state)
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func randomStatesComeBackAsTheyWere(_ seed: UInt64) throws {
    var maker = StateMaker(seed: seed)
    var state: Checkpoint = [:]
    for number in 0..<8 { state["\(number)"] = try maker.value(depth: 4) }
    let encoded = try StateEncoder.encode(state)
    let back = try decode(encoded)
    #expect(back == state)
    #expect(try StateEncoder.encode(back).skeleton == encoded.skeleton)
    #expect(Set(encoded.storages.map(ObjectIdentifier.init)).count == encoded.storages.count)
  }

  @Test func everyElementTypeComesBackAndIsWeightsOnly() throws {
    for dtype in DType.allCases where !dtype.rawValue.hasPrefix("q") {
      let storage = TensorStorage((0..<UInt8(dtype.itemSize * 3)).map { $0 })
      let state: Checkpoint = ["t": .tensor(try Tensor(dtype: dtype, shape: [3], storage: storage))]
      let encoded = try StateEncoder.encode(state)
      #expect(encoded.tensors.map(\.dtype) == [dtype.rawValue])
      #expect(try decode(encoded, weightsOnly: true) == state)
    }
    let quantized = try Tensor(dtype: .qint8, shape: [1], storage: TensorStorage([1]))
    #expect(throws: StateError.self) { try StateEncoder.encode(.tensor(quantized)) }
  }

  @Test func sharedStoragesAreKeptOnceAndStayShared() throws {
    let storage = TensorStorage([UInt8](0..<16), location: "cuda:0")
    let whole = try Tensor(dtype: .float32, shape: [4], storage: storage)
    let part = try Tensor(
      dtype: .float32, shape: [2], byteOffset: 8, storage: storage, requiresGrad: true, isParameter: true)
    let encoded = try StateEncoder.encode(["a": .tensor(whole), "tied": .tensor(whole), "part": .tensor(part)])
    #expect(encoded.storages.count == 1)
    #expect(encoded.storages.first === storage)
    #expect(encoded.tensors.map(\.name) == ["a", "tied", "part"])
    #expect(encoded.tensors.map(\.byteOffset) == [0, 0, 8])
    let back = try decode(encoded)
    let tensors = try ["a", "tied", "part"].map { try #require(back[$0]?.tensor) }
    #expect(tensors[0].storage === tensors[1].storage && tensors[0].storage === tensors[2].storage)
    #expect(tensors[0].storage.location == "cuda:0")
    #expect(tensors[2].isParameter && tensors[2].requiresGrad && !tensors[0].requiresGrad)
  }

  @Test func aStorageSeenAsTwoTypesComesBack() throws {
    let storage = TensorStorage([UInt8](0..<16))
    let state: Checkpoint = [
      "floats": .tensor(try Tensor(dtype: .float32, shape: [4], storage: storage)),
      "bytes": .tensor(try Tensor(dtype: .uint8, shape: [16], storage: storage)),
    ]
    let encoded = try StateEncoder.encode(state)
    #expect(encoded.storages.count == 1)
    #expect(encoded.tensors.map(\.dtype) == ["float32", "uint8"])
    #expect(try decode(encoded, weightsOnly: true) == state)
  }

  @Test func anObjectAtTwoPlacesStaysOneObject() throws {
    let object = Checkpoint.object(OpaqueObject(callable: .global(PickleGlobal("m", "C")), arguments: .tuple([])))
    let back = try roundTrip([object, object])
    guard case .object(let first)? = back[0], case .object(let second)? = back[1] else { throw Missing(key: "object") }
    #expect(first === second)
  }

  @Test func orderedDictionariesKeepTheirAttributes() throws {
    let dictionary = CheckpointDictionary(
      [("weight", 1), ("bias", 2)], kind: .ordered, attributes: ["_metadata": ["": ["version": 1]]])
    let back = try roundTrip(.dictionary(dictionary), weightsOnly: true)
    #expect(back.dictionary?.kind == .ordered)
    #expect(back.dictionary?.keys == ["weight", "bias"])
    #expect(back.dictionary?.attributes?["_metadata"]?[""]?["version"] == 1)
  }

  @Test func numbersThatAreNotEqualToThemselvesComeBackToo() throws {
    let back = try roundTrip([.double(.nan), .double(-0.0), .double(-.infinity)])
    #expect(back[0]?.double?.isNaN == true)
    #expect(back[1]?.double?.sign == .minus)
    #expect(back[2]?.double == -.infinity)
  }

  @Test func metadataAndTheStatesOwnMetricComeOut() throws {
    let score = Checkpoint.tensor(try Tensor(scalar: 0.25 as Float))
    let callback: Checkpoint = ["monitor": "val_loss", "best_k_models": ["/run/ckpt/a.ckpt": score]]
    let state: Checkpoint = [
      "epoch": 2, "pytorch-lightning_version": "2.6.6", "callbacks": ["ModelCheckpoint": callback],
    ]
    let encoded = try StateEncoder.encode(state, savedAs: "/run/ckpt/a.ckpt")
    #expect(encoded.metadata["epoch"] == 2)
    #expect(encoded.metrics == ["val_loss": 0.25])
    #expect(try StateEncoder.encode(state, savedAs: "/run/ckpt/b.ckpt").metrics.isEmpty)
  }

  @Test func aStateThatIsTooDeepIsRefused() throws {
    var state: Checkpoint = 1
    for _ in 0..<990 { state = [state] }
    #expect(try roundTrip(state) == state)
    for _ in 0..<100 { state = [state] }
    #expect(throws: StateError.tooDeep) { try StateEncoder.encode(state) }
  }
}
