import CairnCore

/// Walks a state and gives each tensor its dotted names, as ``PyTorchContents`` says.
struct TensorNames {
  /// More than Python's pickler can write without being told to.
  static let deepest = 1000
  /// Longer keys are cut.
  static let longestKey = 1024

  let graph: PyTorchGraph
  let holdsTensors: [Bool]
  private(set) var entries: [TensorEntry] = []
  /// The position in ``entries`` of the first name of each tensor node.
  private(set) var firstEntry: [PickleGraph.ID: Int] = [:]

  private enum Step {
    case enter(PickleGraph.ID, name: String)
    case leave(PickleGraph.ID)
  }
  private var steps: [Step] = []
  private var isOnPath: [Bool]
  private var depth = 0
  private var timesSeen: [String: Int] = [:]
  private var nameBytesLeft: Int
  private var visitsLeft: Int

  init(_ graph: PyTorchGraph) {
    self.graph = graph
    holdsTensors = graph.tensorHolders()
    isOnPath = [Bool](repeating: false, count: graph.pickle.nodes.count)
    nameBytesLeft = (16 << 20) + 256 * graph.pickle.nodes.count
    visitsLeft = 100_000 + 64 * graph.pickle.nodes.count
  }

  mutating func collect() throws(FormatError) {
    steps.append(.enter(graph.pickle.root, name: ""))
    while let step = steps.popLast() {
      switch step {
      case .enter(let id, let name): try enter(id, name)
      case .leave(let id):
        isOnPath[id] = false
        depth -= 1
      }
    }
  }

  private mutating func enter(_ id: PickleGraph.ID, _ name: String) throws(FormatError) {
    guard holdsTensors[id], !isOnPath[id] else { return }
    guard depth < Self.deepest else {
      throw FormatError(.pytorch, path: graph.path, "it nests deeper than \(Self.deepest) levels")
    }
    depth += 1
    isOnPath[id] = true
    steps.append(.leave(id))
    if let form = try graph.tensor(at: id, place: name.isEmpty ? "tensor" : name) {
      let own = name.isEmpty ? "tensor" : name
      if let strided = form.strided {
        if firstEntry[id] == nil { firstEntry[id] = entries.count }
        add(strided, own)
      }
      var parts = form.parts.map { (id: $0.id, name: $0.name.isEmpty ? own : "\(own).\($0.name)") }
      if case .object(let object) = graph.pickle[id], let state = object.state { parts.append((state, "\(own).state")) }
      try push(parts, below: "")
    } else {
      let node = graph.pickle.resolved(id)
      // Looking through a container costs its size each time, and a large one may be shared.
      node.forEachChild { _ in visitsLeft -= 1 }
      try push(children(node), below: name.isEmpty ? "" : "\(name).")
    }
  }

  private mutating func push(
    _ children: [(id: PickleGraph.ID, name: String)], below prefix: String
  ) throws(FormatError) {
    for child in children.reversed() where holdsTensors[child.id] {
      visitsLeft -= 1
      nameBytesLeft -= prefix.utf8.count + child.name.utf8.count
      guard visitsLeft > 0, nameBytesLeft > 0 else {
        throw FormatError(.pytorch, path: graph.path, "its tensors have too many names: values are shared too often")
      }
      steps.append(.enter(child.id, name: prefix + child.name))
    }
  }

  private mutating func add(_ strided: TensorForm.View, _ name: String) {
    var unique = name
    while true {
      let times = count(name)
      if times == 1 { break }
      unique = "\(name)#\(times)"
      if timesSeen[unique] == nil {
        timesSeen[unique] = 1
        break
      }
    }
    entries.append(
      TensorEntry(
        name: unique, dtype: strided.view.dtype.rawValue, shape: strided.view.shape, strides: strided.view.strides,
        byteOffset: strided.view.byteOffset, storage: strided.storage))
  }

  /// How often a name has been met, this time included.
  private mutating func count(_ name: String) -> Int {
    func add(_ times: inout Int) -> Int {
      times += 1
      return times
    }
    return add(&timesSeen[name, default: 0])
  }

  /// The values in a container or object, by their part of the name.
  private func children(_ node: PickleNode) -> [(id: PickleGraph.ID, name: String)] {
    let pickle = graph.pickle
    switch node {
    case .list(let items), .tuple(let items), .set(let items), .frozenSet(let items): return numbered(items)
    case .dict(let pairs): return keyed(pairs)
    case .object(let object):
      var result = keyed(object.pairs) + numbered(object.items)
      if case .tuple(let arguments) = pickle[object.arguments] {
        result += numbered(arguments).map { ($0.id, "args.\($0.name)") }
      }
      if case .newObjectWithKeywords(let keywords) = object.construction { result.append((keywords, "args")) }
      if let state = object.state {
        let attributes = pickle.attributes(state)
        if let attributes { result += keyed(attributes) } else { result.append((state, "state")) }
      }
      return result
    default: return []
    }
  }

  private func numbered(_ items: [PickleGraph.ID]) -> [(id: PickleGraph.ID, name: String)] {
    items.indices.filter { holdsTensors[items[$0]] }.map { (items[$0], String($0)) }
  }

  private func keyed(_ pairs: [PicklePair]) -> [(id: PickleGraph.ID, name: String)] {
    var result: [(id: PickleGraph.ID, name: String)] = []
    for pair in pairs where holdsTensors[pair.value] || holdsTensors[pair.key] {
      let key = graph.pickle.keyText(pair.key, limit: Self.longestKey)
      // A tensor that is a key has a name too, if a curious one.
      if holdsTensors[pair.key] { result.append((pair.key, "\(key).key")) }
      result.append((pair.value, key))
    }
    return result
  }
}
