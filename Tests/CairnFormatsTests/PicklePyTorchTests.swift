import CairnCore
import CairnFormats
import Testing

@Suite struct PicklePyTorchTests {
  @Test func tensorsAreNamedByTheirPlaceInTheState() throws {
    let graph = StateGraph()
    let weight = graph.storage("0", 6)
    let moment = graph.storage("1", 2, "DoubleStorage", at: "cuda:0")
    let state = graph.dict([("layer1.0.weight", graph.tensor(weight, [2, 3], [3, 1]))])
    let slot = graph.add(.dict([PicklePair(graph.int(3), graph.dict([("exp_avg", graph.tensor(moment, [2], [1]))]))]))
    let optimizers = graph.add(.list([graph.dict([("state", slot)])]))
    let contents = try graph.contents(graph.dict([("state_dict", state), ("optimizer_states", optimizers)]))
    #expect(contents.tensors.map(\.name) == ["state_dict.layer1.0.weight", "optimizer_states.0.state.3.exp_avg"])
    #expect(
      contents.tensors.first
        == TensorEntry(
          name: "state_dict.layer1.0.weight", dtype: "float32", shape: [2, 3], strides: [3, 1], byteOffset: 0,
          storage: 0))
    #expect(contents.tensors.last?.dtype == "float64")
    #expect(contents.storages.map(\.key) == ["0", "1"])
    #expect(contents.storages.map(\.byteCount) == [24, 16])
    #expect(contents.storages.map(\.location) == ["cpu", "cuda:0"])
  }

  @Test func aTensorAloneHasANameToo() throws {
    let graph = StateGraph()
    let contents = try graph.contents(graph.tensor(graph.storage("0", 1), [], []))
    #expect(contents.tensors.map(\.name) == ["tensor"])
  }

  @Test func tiedWeightsAndViewsShareAStorageUnderAllTheirNames() throws {
    let graph = StateGraph()
    let whole = graph.tensor(graph.storage("0", 12), [12], [1])
    let view = graph.tensor(graph.storage("0", 12), offset: 3, [2, 2], [1, 4])
    let contents = try graph.contents(graph.dict([("a", whole), ("b", whole), ("c", view)]))
    #expect(contents.tensors.map(\.name) == ["a", "b", "c"])
    #expect(contents.tensors.map(\.storage) == [0, 0, 0])
    #expect(contents.tensors.last?.byteOffset == 12)
    #expect(contents.storages.count == 1)
  }

  @Test func namesStayUnique() throws {
    let graph = StateGraph()
    func tensor() -> Int { graph.tensor(graph.storage("0", 1), [1], [1]) }
    let nested = graph.dict([("b", tensor())])
    let contents = try graph.contents(graph.dict([("a.b", tensor()), ("a.b#2", tensor()), ("a", nested)]))
    #expect(contents.tensors.map(\.name) == ["a.b", "a.b#2", "a.b#3"])
  }

  @Test func otherKeysAreReadable() throws {
    let graph = StateGraph()
    let key = graph.tuple(graph.int(1), graph.text("x"))
    let tensor = graph.tensor(graph.storage("0", 1), [1], [1])
    let root = graph.add(.dict([PicklePair(key, tensor), PicklePair(graph.add(.none), tensor)]))
    #expect(try graph.contents(root).tensors.map(\.name) == ["(1, x)", "None"])
  }

  @Test func partsOfSparseAndQuantizedTensorsAreNamed() throws {
    let graph = StateGraph()
    func tensor(_ key: String) -> Int { graph.tensor(graph.storage(key, 4), [4], [1]) }
    func sparse(_ layout: String, _ parts: [Int]) -> Int {
      let size = graph.call("torch", "Size", graph.sizes([4]))
      return graph.call(
        "torch._utils", "_rebuild_sparse_tensor", graph.call("torch.serialization", "_get_layout", graph.text(layout)),
        graph.add(.tuple(parts + [size])))
    }
    let coo = sparse("torch.sparse_coo", [tensor("0"), tensor("1")])
    let csr = sparse("torch.sparse_csr", [tensor("2"), tensor("3"), tensor("4")])
    let scheme = graph.tuple(graph.global("torch", "per_channel_affine"), tensor("6"), tensor("7"), graph.int(0))
    let quantized = graph.call(
      "torch._utils", "_rebuild_qtensor", graph.storage("5", 4, "QInt8Storage"), graph.int(0), graph.sizes([4]),
      graph.sizes([1]), scheme, graph.add(.bool(false)), graph.call("collections", "OrderedDict"))
    let contents = try graph.contents(graph.dict([("coo", coo), ("csr", csr), ("q", quantized)]))
    #expect(
      contents.tensors.map(\.name) == [
        "coo.indices", "coo.values", "csr.crow_indices", "csr.col_indices", "csr.values", "q", "q.scales",
        "q.zero_points",
      ])
    #expect(contents.tensors[5].dtype == "qint8")
  }

  @Test func parametersSubclassesAndAttributesAreSeenThrough() throws {
    let graph = StateGraph()
    let hooks = graph.call("collections", "OrderedDict")
    let parameter = graph.call(
      "torch._utils", "_rebuild_parameter", graph.tensor(graph.storage("0", 2), [2], [1]), graph.add(.bool(true)), hooks
    )
    let inner = graph.tuple(
      graph.storage("1", 2), graph.int(0), graph.sizes([2]), graph.sizes([1]), graph.add(.bool(false)), hooks)
    let extra = graph.dict([("scale", graph.tensor(graph.storage("2", 1), [], []))])
    let subclass = graph.call(
      "torch._tensor", "_rebuild_from_type_v2", graph.global("torch._utils", "_rebuild_tensor_v2"),
      graph.global("my", "Tensor"), inner, extra)
    var object = PickleObject(.newObject, graph.global("my", "Module"), graph.tuple())
    object.state = graph.dict([("weight", parameter)])
    let contents = try graph.contents(graph.dict([("module", graph.add(.object(object))), ("t", subclass)]))
    #expect(contents.tensors.map(\.name) == ["module.weight", "t", "t.scale"])
  }

  @Test func everyElementTypeIsReadFromItsStorageOrItsName() throws {
    for dtype in DType.allCases {
      let graph = StateGraph()
      let type = storageClasses[dtype]
      let storage = graph.storage("0", type == nil ? dtype.itemSize : 1, type ?? "UntypedStorage")
      var arguments = [
        storage, graph.int(0), graph.sizes([1]), graph.sizes([1]), graph.add(.bool(false)),
        graph.call("collections", "OrderedDict"),
      ]
      if type == nil { arguments.append(graph.global("torch", dtype.rawValue)) }
      let function = graph.global("torch._utils", type == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
      let contents = try graph.contents(
        graph.add(.object(PickleObject(.reduce, function, graph.add(.tuple(arguments))))))
      #expect(contents.tensors.map(\.dtype) == [dtype.rawValue])
      #expect(contents.storages.map(\.byteCount) == [dtype.itemSize])
    }
  }

  private let storageClasses: [DType: String] = [
    .float64: "DoubleStorage", .float32: "FloatStorage", .float16: "HalfStorage", .bfloat16: "BFloat16Storage",
    .int64: "LongStorage", .int32: "IntStorage", .int16: "ShortStorage", .int8: "CharStorage", .uint8: "ByteStorage",
    .bool: "BoolStorage", .complex128: "ComplexDoubleStorage", .complex64: "ComplexFloatStorage",
    .qint8: "QInt8Storage", .qint32: "QInt32Storage", .quint8: "QUInt8Storage", .quint4x2: "QUInt4x2Storage",
    .quint2x4: "QUInt2x4Storage",
  ]

  @Test(arguments: [
    (0, [3], [1]), (1, [2], [1]), (0, [2, 2], [1, 1]), (-1, [1], [1]), (0, [-1], [1]), (0, [1], [-1]),
    (0, [Int.max, Int.max], [1, 1]), (0, [2], [Int.max]), (Int.max, [1], [1]), (0, [1, 1], [1]),
  ])
  func aTensorBeyondItsStorageIsAnErrorThatNamesIt(_ offset: Int, _ shape: [Int], _ strides: [Int]) throws {
    let graph = StateGraph()
    let root = graph.dict([("layer.weight", graph.tensor(graph.storage("0", 2), offset: offset, shape, strides))])
    let error = #expect(throws: FormatError.self) { try graph.contents(root) }
    #expect(error?.problem.contains("layer.weight") == true)
  }

  @Test func aStorageOfTwoSizesIsAnError() {
    let graph = StateGraph()
    let root = graph.tuple(graph.storage("0", 2), graph.storage("0", 3))
    #expect(throws: FormatError.self) { try graph.contents(root) }
  }

  @Test func sharingWithoutEndIsRefusedOrCheap() throws {
    let graph = StateGraph()
    var value = graph.tensor(graph.storage("0", 1), [1], [1])
    for _ in 0..<60 { value = graph.tuple(value, value) }
    #expect(throws: FormatError.self) { try graph.contents(value) }

    let plain = StateGraph()
    var list = plain.add(.list([]))
    for _ in 0..<60 { list = plain.tuple(list, list) }
    let contents = try plain.contents(plain.dict([("bomb", list)]))
    #expect(try JSONValue.object(contents.metadata).serialized().count < 1 << 20)
  }

  @Test func cyclesAndDepthEnd() throws {
    let graph = StateGraph()
    let list = graph.add(.list([]))
    graph.nodes[list] = .list([list, graph.tensor(graph.storage("0", 1), [1], [1])])
    #expect(try graph.contents(graph.dict([("a", list)])).tensors.map(\.name) == ["a.1"])

    var value = graph.tensor(graph.storage("0", 1), [1], [1])
    for _ in 0..<100_000 { value = graph.add(.list([value])) }
    let deep = value
    let error = #expect(throws: FormatError.self) { try graph.contents(deep) }
    #expect(error?.problem.contains("deeper") == true)
  }
}
