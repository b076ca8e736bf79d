/// Makes checkpoint values of a graph's nodes, each once, children before parents, with a stack of its own.
struct GraphInterpreter {
  let graph: PyTorchGraph
  let storages: [TensorStorage]
  let weightsOnly: Bool

  private var pickle: PickleGraph { graph.pickle }
  private var values: [Checkpoint?]
  /// How many levels there are in a value.
  private var heights: [Int]
  /// How many values there are in a value, shared ones counted each time; up to the most that a key may have.
  private var weights: [Int]
  /// Whether there is a tensor or storage in a value.
  private var holdsTensor: [Bool]
  private var isOnPath: [Bool]
  private var frames: [Frame] = []

  /// A node whose children are being made.
  private struct Frame {
    var id: PickleGraph.ID
    var node: PickleNode
    var children: [PickleGraph.ID]
    var next = 0
  }

  /// Keys are compared as a whole: larger ones, which may be far larger than their pickle, would take forever.
  private static let heaviestKey = 1000

  init(_ graph: PyTorchGraph, storages: [TensorStorage], weightsOnly: Bool) {
    self.graph = graph
    self.storages = storages
    self.weightsOnly = weightsOnly
    let count = graph.pickle.nodes.count
    values = [Checkpoint?](repeating: nil, count: count)
    heights = [Int](repeating: 1, count: count)
    weights = heights
    holdsTensor = [Bool](repeating: false, count: count)
    isOnPath = [Bool](repeating: false, count: count)
  }

  mutating func run() throws -> Checkpoint {
    try enter(pickle.root)
    while let frame = frames.last {
      if frame.next < frame.children.count {
        let child = frame.children[frame.next]
        frames[frames.count - 1].next += 1
        if values[child] == nil { try enter(child) }
      } else {
        values[frame.id] = try value(frame)
        var height = 1
        for child in frame.children {
          height = max(height, heights[child] + 1)
          weights[frame.id] = min(weights[frame.id] + weights[child], Self.heaviestKey + 1)
          if holdsTensor[child] { holdsTensor[frame.id] = true }
        }
        guard height <= StateDecoder.deepest else { throw StateError.tooDeep }
        heights[frame.id] = height
        isOnPath[frame.id] = false
        frames.removeLast()
      }
    }
    return try done(pickle.root)
  }

  /// Starts on a node, or finishes it if it needs no others.
  private mutating func enter(_ id: PickleGraph.ID) throws {
    guard !isOnPath[id] else {
      throw StateError.unsupported(problem: "it holds itself, which a Swift value cannot", place: place)
    }
    guard frames.count < StateDecoder.deepest else { throw StateError.tooDeep }
    let node = pickle.resolved(id)
    var children: [PickleGraph.ID] = []
    switch node {
    case .list(let items), .tuple(let items), .set(let items), .frozenSet(let items): children = items
    case .dict(let pairs): children = pairs.flatMap { [$0.key, $0.value] }
    case .object(let object):
      if let tensor = try tensor(id) {
        values[id] = .tensor(tensor)
        holdsTensor[id] = true
        return
      }
      if weightsOnly { try check(object) }
      children = [object.callable, object.arguments]
      if case .newObjectWithKeywords(let keywords) = object.construction { children.append(keywords) }
      children += object.items + object.pairs.flatMap { [$0.key, $0.value] }
      if let state = object.state { children.append(state) }
    case .global(let global):
      if weightsOnly, !SafeGlobals.contains(global.modern) {
        throw StateError.notOnlyWeights(className: global.modern.description, place: place)
      }
    case .persistentID: holdsTensor[id] = true
    default: break
    }
    isOnPath[id] = true
    frames.append(Frame(id: id, node: node, children: children))
  }

  /// The value of a node that was made before.
  private func done(_ id: PickleGraph.ID) throws -> Checkpoint {
    guard let value = values[id] else { throw StateError.unsupported(problem: "it holds itself", place: place) }
    return value
  }

  private func value(_ frame: Frame) throws -> Checkpoint {
    switch frame.node {
    case .none: return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .bigInt(let bytes): return .bigInt(BigInteger(twosComplement: bytes))
    case .float(let value): return .double(value)
    case .string(let value): return .string(value)
    case .surrogateString(let utf8): return .object(Self.surrogates(utf8))
    case .bytes(let value): return .bytes(value)
    case .byteArray(let value): return .byteArray(value)
    case .list(let items): return .list(try items.map(done))
    case .tuple(let items): return .tuple(try items.map(done))
    case .set(let items): return .set(try items.map(done))
    case .frozenSet(let items): return .frozenSet(try items.map(done))
    case .dict(let pairs): return .dictionary(try dictionary(pairs))
    case .global(let global): return .global(global.modern)
    case .persistentID:
      guard let (position, dtype) = graph.storage(at: frame.id) else { return .null }
      return .storage(StorageValue(storage: storages[position], dtype: dtype))
    case .object(let object):
      // A nested class, which protocol 2 writes as a call of `getattr`.
      if let global = pickle.global(at: frame.id) { return .global(global) }
      return try value(object)
    }
  }

  private func value(_ object: PickleObject) throws -> Checkpoint {
    let callable = pickle.global(at: object.callable)
    if callable == PickleGlobal("collections", "OrderedDict"), object.construction == .reduce,
      let pairs = pickle.orderedItems(object)
    {
      return .dictionary(
        try dictionary(pairs, kind: .ordered, attributes: object.state.map { try done($0) }))
    }
    let arguments = try done(object.arguments)
    if callable == PickleGlobal("builtins", "complex"), object.construction == .reduce, object.state == nil,
      case .tuple(let parts) = arguments, parts.count == 2, case .double(let real) = parts[0],
      case .double(let imaginary) = parts[1]
    {
      return .complex(real: real, imaginary: imaginary)
    }
    let construction: OpaqueObject.Construction =
      switch object.construction {
      case .reduce: .reduce
      case .newObject: .newObject
      case .newObjectWithKeywords(let keywords): .newObjectWithKeywords(try done(keywords))
      }
    return .object(
      OpaqueObject(
        construction, callable: try done(object.callable), arguments: arguments, items: try object.items.map(done),
        pairs: try dictionary(object.pairs), state: try object.state.map(done),
        className: pickle.className(object)))
  }

  private func dictionary(
    _ pairs: [PicklePair], kind: CheckpointDictionary.Kind = .plain, attributes: Checkpoint? = nil
  ) throws -> CheckpointDictionary {
    var result = CheckpointDictionary(kind)
    result.attributes = attributes
    for pair in pairs {
      // Python tells tensors apart by identity, where there may be nothing to tell them apart by here.
      guard !holdsTensor[pair.key], weights[pair.key] <= Self.heaviestKey else {
        throw StateError.unsupported(problem: "a dictionary has a tensor or a large value as a key", place: place)
      }
      result[try done(pair.key)] = try done(pair.value)
    }
    return result
  }

  /// A string that Swift cannot hold, as the call that makes it in Python.
  private static func surrogates(_ utf8: [UInt8]) -> OpaqueObject {
    OpaqueObject(
      callable: .global(PickleGlobal("_codecs", "decode")),
      arguments: .tuple([.bytes(utf8), "utf-8", "surrogatepass"]), className: "builtins.str")
  }

  // MARK: Tensors

  /// The tensor that node `id` is, if a ``Tensor`` is all that there is to it.
  private func tensor(_ id: PickleGraph.ID) throws -> Tensor? {
    guard let form = try graph.tensor(at: id, place: place), form.isPlain, let strided = form.strided else {
      return nil
    }
    return try Tensor(
      dtype: strided.view.dtype, shape: strided.view.shape, strides: strided.view.strides,
      byteOffset: strided.view.byteOffset, storage: storages[strided.storage], requiresGrad: form.requiresGrad,
      isParameter: form.isParameter)
  }

  private func check(_ object: PickleObject) throws {
    guard let callable = pickle.global(at: object.callable), SafeGlobals.makesValues(callable),
      object.state == nil || callable == PickleGlobal("collections", "OrderedDict")
    else { throw StateError.notOnlyWeights(className: pickle.className(object), place: place) }
  }

  /// The dotted path to the node that is being entered.
  private var place: String {
    var parts: [String] = []
    for frame in frames where frame.next > 0 {
      let child = frame.next - 1
      switch frame.node {
      case .dict: parts.append(pickle.keyText(frame.children[child - child % 2], limit: 256))
      case .object(let object):
        let first = frame.children.count - 2 * object.pairs.count - (object.state == nil ? 0 : 1)
        if child >= first, child < first + 2 * object.pairs.count {
          parts.append(pickle.keyText(frame.children[child - (child - first) % 2], limit: 256))
        } else if child == 1 {
          parts.append("args")
        } else if object.state != nil, child == frame.children.count - 1 {
          // The attributes of an object are named as if they were its items.
          continue
        } else if child > 1 {
          parts.append(String(child - 2))
        }
      default: parts.append(String(child))
      }
    }
    return parts.joined(separator: ".")
  }
}
