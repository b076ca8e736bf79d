/// Builds the pickle graph of a checkpoint, and collects its storages.
///
/// Goes through the state with a stack of its own: a value gets its node at once, and is filled in later.
struct SkeletonBuilder {
  private(set) var storages: [TensorStorage] = []

  private var nodes: [PickleNode] = []
  private var pending: [Pending] = []
  private var keys: [ObjectIdentifier: Int] = [:]
  private var untyped: Set<ObjectIdentifier> = []
  private var strings: [Checkpoint: PickleGraph.ID] = [:]
  private var globals: [PickleGlobal: PickleGraph.ID] = [:]
  private var objects: [ObjectIdentifier: PickleGraph.ID] = [:]

  /// A node that is still to be filled in.
  private struct Pending {
    var value: Checkpoint
    var id: PickleGraph.ID
    var depth: Int
    var place: Place
  }

  mutating func build(_ checkpoint: Checkpoint) throws -> PickleGraph {
    untyped = try StorageTypes.untyped(in: checkpoint)
    let root = slot(checkpoint, 0, Place())
    while let next = pending.popLast() {
      guard next.depth < StateDecoder.deepest else { throw StateError.tooDeep }
      try fill(next)
    }
    return PickleGraph(nodes: nodes, root: root)
  }

  private mutating func add(_ node: PickleNode) -> PickleGraph.ID {
    nodes.append(node)
    return nodes.count - 1
  }

  /// The node for a value: done if it is simple, else to be filled in.
  private mutating func slot(_ value: Checkpoint, _ depth: Int, _ place: Place) -> PickleGraph.ID {
    switch value {
    case .null: return add(.none)
    case .bool(let value): return add(.bool(value))
    case .int(let value): return add(.int(value))
    case .bigInt(let value): return add(PythonInteger.node(value.bytes))
    case .double(let value): return add(.float(value))
    case .string(let value): return string(value)
    case .bytes(let value): return add(.bytes(value))
    case .byteArray(let value): return add(.byteArray(value))
    case .global(let value): return global(value)
    case .object(let object):
      if let known = objects[ObjectIdentifier(object)] { return known }
      let id = later(value, depth, place)
      objects[ObjectIdentifier(object)] = id
      return id
    default: return later(value, depth, place)
    }
  }

  private mutating func later(_ value: Checkpoint, _ depth: Int, _ place: Place) -> PickleGraph.ID {
    let id = add(.none)
    pending.append(Pending(value: value, id: id, depth: depth, place: place))
    return id
  }

  private mutating func string(_ text: String) -> PickleGraph.ID {
    if let known = strings[.string(text)] { return known }
    let id = add(.string(text))
    strings[.string(text)] = id
    return id
  }

  private mutating func global(_ name: PickleGlobal) -> PickleGraph.ID {
    if let known = globals[name] { return known }
    let id = add(.global(name))
    globals[name] = id
    return id
  }

  // MARK: Filling in

  private mutating func fill(_ next: Pending) throws {
    let start = pending.count
    switch next.value {
    case .list(let items): nodes[next.id] = .list(slots(items, next))
    case .tuple(let items): nodes[next.id] = .tuple(slots(items, next))
    case .set(let items): nodes[next.id] = .set(slots(items, next))
    case .frozenSet(let items): nodes[next.id] = .frozenSet(slots(items, next))
    case .complex(let real, let imaginary):
      let arguments = add(.tuple([add(.float(real)), add(.float(imaginary))]))
      nodes[next.id] = .object(PickleObject(.reduce, global(PickleGlobal("__builtin__", "complex")), arguments))
    case .dictionary(let dictionary):
      let items = pairs(dictionary, next)
      switch dictionary.kind {
      case .plain:
        guard dictionary.attributes == nil else {
          throw StateError.unsupported(problem: "a plain dictionary has no attributes", place: next.place.text)
        }
        nodes[next.id] = .dict(items)
      case .ordered:
        var object = PickleObject(.reduce, global(Self.orderedDict), add(.tuple([])))
        object.pairs = items
        object.state = dictionary.attributes.map { slot($0, next.depth + 1, next.place.child("attributes")) }
        nodes[next.id] = .object(object)
      }
    case .tensor(let tensor): try fill(next.id, tensor, next.place)
    case .storage(let value): nodes[next.id] = try storageNode(value.storage, value.dtype, next.place)
    case .object(let object): nodes[next.id] = .object(self.object(object, next))
    default: break
    }
    // The first child is to be filled in first, so that storages are numbered in the order of the pickle.
    pending[start...].reverse()
  }

  private mutating func slots(_ items: [Checkpoint], _ parent: Pending) -> [PickleGraph.ID] {
    var ids: [PickleGraph.ID] = []
    ids.reserveCapacity(items.count)
    for (position, item) in items.enumerated() {
      ids.append(slot(item, parent.depth + 1, parent.place.child(position)))
    }
    return ids
  }

  private mutating func pairs(_ dictionary: CheckpointDictionary, _ parent: Pending) -> [PicklePair] {
    dictionary.map { key, value in
      let keyID = slot(key, parent.depth + 1, parent.place.child("key"))
      return PicklePair(keyID, slot(value, parent.depth + 1, parent.place.child(key)))
    }
  }

  private mutating func object(_ object: OpaqueObject, _ parent: Pending) -> PickleObject {
    let depth = parent.depth + 1
    let callable = slot(object.callable, depth, parent.place.child("callable"))
    let arguments = slot(object.arguments, depth, parent.place.child("args"))
    let construction: PickleObject.Construction =
      switch object.construction {
      case .reduce: .reduce
      case .newObject: .newObject
      case .newObjectWithKeywords(let keywords):
        .newObjectWithKeywords(slot(keywords, depth, parent.place.child("keywords")))
      }
    var result = PickleObject(construction, callable, arguments)
    result.items = slots(object.items, parent)
    result.pairs = pairs(object.pairs, parent)
    result.state = object.state.map { slot($0, depth, parent.place.child("state")) }
    return result
  }

  // MARK: Tensors

  private static let orderedDict = PickleGlobal("collections", "OrderedDict")

  /// An `OrderedDict()` for backward hooks, which PyTorch expects and never fills; each tensor has its own.
  private mutating func noHooks() -> PickleGraph.ID {
    add(.object(PickleObject(.reduce, global(Self.orderedDict), add(.tuple([])))))
  }

  private mutating func numbers(_ values: [Int]) -> PickleGraph.ID {
    add(.tuple(values.map { add(.int(Int64($0))) }))
  }

  /// A call of `_rebuild_tensor_v2`, or `_rebuild_tensor_v3` for types without a storage class (torch/_tensor.py,
  /// `_reduce_ex_internal`), within `_rebuild_parameter` for a parameter.
  private mutating func fill(_ id: PickleGraph.ID, _ tensor: Tensor, _ place: Place) throws {
    guard !tensor.dtype.rawValue.hasPrefix("q") else {
      throw StateError.unsupported(
        problem: "a quantized tensor has to say how it is quantized, as an object does", place: place.text)
    }
    let isUntyped = untyped.contains(ObjectIdentifier(tensor.storage))
    let storage = add(try storageNode(tensor.storage, isUntyped ? nil : tensor.dtype, place))
    var arguments = [
      storage, add(.int(Int64(tensor.byteOffset / tensor.dtype.itemSize))), numbers(tensor.shape),
      numbers(tensor.strides), add(.bool(tensor.requiresGrad && !tensor.isParameter)), noHooks(),
    ]
    if isUntyped { arguments.append(global(PickleGlobal("torch", tensor.dtype.rawValue))) }
    let function = PickleGlobal("torch._utils", isUntyped ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    let call = PickleNode.object(PickleObject(.reduce, global(function), add(.tuple(arguments))))
    guard tensor.isParameter else {
      nodes[id] = call
      return
    }
    let parameter = add(.tuple([add(call), add(.bool(tensor.requiresGrad)), noHooks()]))
    nodes[id] = .object(
      PickleObject(.reduce, global(PickleGlobal("torch._utils", "_rebuild_parameter")), parameter))
  }

  /// `("storage", class, key, location, elements)`
  private mutating func storageNode(_ storage: TensorStorage, _ dtype: DType?, _ place: Place) throws -> PickleNode {
    let identity = ObjectIdentifier(storage)
    let key = keys[identity] ?? storages.count
    if keys[identity] == nil {
      keys[identity] = key
      storages.append(storage)
    }
    let type: PickleGlobal
    if let dtype {
      guard let name = dtype.storageClass, storage.byteCount % dtype.itemSize == 0 else {
        throw StateError.unsupported(
          problem: "PyTorch has no storage of \(dtype.rawValue) with \(storage.byteCount) bytes", place: place.text)
      }
      type = PickleGlobal("torch", name)
    } else {
      type = PickleGlobal("torch.storage", "UntypedStorage")
    }
    return .persistentID(
      add(
        .tuple([
          string("storage"), global(type), string(String(key)), string(storage.location),
          add(.int(Int64(storage.byteCount / (dtype?.itemSize ?? 1)))),
        ])))
  }
}
