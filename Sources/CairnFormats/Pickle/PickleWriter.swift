/// Writes pickles of protocol 2, the one PyTorch writes, from graphs.
///
/// Equal graphs give equal bytes. Values that the graph refers to more than once are numbered (memoized), so that they
/// are shared after loading as they are in the graph; values that PyTorch's `weights_only` unpickler reads are written
/// with nothing but the opcodes that it knows (torch/_weights_only_unpickler.py).
public enum PickleWriter {
  /// The pickle of `graph`.
  ///
  /// - Parameter name: What to call the pickle in errors.
  /// - Throws: ``FormatError`` if the graph has a cycle that no pickle can say: one through tuples, arguments or
  ///   frozen sets only. No graph from ``PickleReader`` has one.
  public static func write(_ graph: PickleGraph, name: String = "pickle") throws(FormatError) -> [UInt8] {
    var emitter = PickleEmitter(graph, path: name)
    return try emitter.run()
  }
}

/// Emits opcodes with a stack of things still to do, so that deep nesting costs memory and no recursion.
struct PickleEmitter {
  /// What is still to do.
  enum Step {
    /// Write a node, or the number it has.
    case visit(PickleGraph.ID)
    /// Write an opcode.
    case emit(PickleOpcode)
    /// Number the value that is on top of the stack.
    case memoize(PickleGraph.ID)
    /// Leave `count` values and a mark behind and refer to the node, if it was numbered meanwhile; that is so if it
    /// is a part of itself.
    case unlessMemoized(PickleGraph.ID, marked: Bool, count: Int, then: [PickleOpcode])
    /// Write the items of a list, a dictionary or an object.
    case appendItems(PickleGraph.ID, from: Int)
    case setItems(PickleGraph.ID, from: Int)
    /// Give the state.
    case build
  }

  /// Values that are not in the graph, but that writing it takes.
  enum Helper: Hashable {
    case global(PickleGlobal)
    case text(String)
  }

  /// Items written after one mark, as CPython does.
  static let batch = 1000

  let graph: PickleGraph
  let path: String
  var output: [UInt8] = [PickleOpcode.proto.rawValue, 2]
  var steps: [Step] = []
  var isShared: [Bool]
  var memo: [PickleGraph.ID: UInt32] = [:]
  var helperMemo: [Helper: UInt32] = [:]
  var nextIndex: UInt32 = 0
  var visitsLeft: Int

  init(_ graph: PickleGraph, path: String) {
    self.graph = graph
    self.path = path
    (isShared, visitsLeft) = Self.sharedNodes(of: graph)
  }

  mutating func run() throws(FormatError) -> [UInt8] {
    steps.append(.visit(graph.root))
    while let step = steps.popLast() {
      switch step {
      case .visit(let id): try visit(id)
      case .emit(let opcode): emit(opcode)
      case .memoize(let id): memoize(id)
      case .unlessMemoized(let id, let marked, let count, let opcodes):
        if let index = memo[id] {
          for _ in 0..<count { emit(.pop) }
          if marked { emit(.popMark) }
          emitGet(index)
        } else {
          opcodes.forEach { emit($0) }
          memoize(id)
        }
      case .appendItems(let id, let start): appendItems(id, from: start)
      case .setItems(let id, let start): setItems(id, from: start)
      case .build: emit(.build)
      }
    }
    emit(.stop)
    return output
  }

  /// Which nodes have to be numbered, and how many visits writing may take.
  ///
  /// Those are the ones that are referred to more than once from what the root reaches. In a cycle it is also every
  /// value that is filled after it was made: a tuple that is a part of itself is written twice, and what lies between
  /// has to be the same both times.
  private static func sharedNodes(of graph: PickleGraph) -> ([Bool], Int) {
    enum State { case new, open, done }
    var states = [State](repeating: .new, count: graph.nodes.count)
    var isShared = [Bool](repeating: false, count: graph.nodes.count)
    // A node that is being left is its complement.
    var pending = [graph.root]
    var references = 0
    var hasCycle = false
    while let next = pending.popLast() {
      guard next >= 0 else {
        states[~next] = .done
        continue
      }
      references += 1
      guard states[next] == .new else {
        isShared[next] = true
        if states[next] == .open { hasCycle = true }
        continue
      }
      states[next] = .open
      pending.append(~next)
      graph[next].forEachChild { pending.append($0) }
    }
    if hasCycle {
      for (id, node) in graph.nodes.enumerated() {
        switch node {
        case .list, .dict, .object: isShared[id] = true
        default: break
        }
      }
    }
    return (isShared, 16 * references + 1000)
  }

  // MARK: Nodes

  private mutating func visit(_ id: PickleGraph.ID) throws(FormatError) {
    if let index = memo[id] { return emitGet(index) }
    visitsLeft -= 1
    guard visitsLeft > 0 else {
      throw FormatError(.pickle, path: path, "a tuple or call is a part of itself, which no pickle can say")
    }
    switch graph[id] {
    case .none: emit(.none)
    case .bool(let value): emit(value ? .newTrue : .newFalse)
    case .int(let value): emitInt(value)
    case .bigInt(let bytes):
      emitLong(bytes)
      memoize(id)
    case .float(let value):
      emit(.binFloat)
      emit(value.bitPattern.byteSwapped, width: 8)
    case .string(let text):
      emitText(Array(text.utf8))
      memoize(id)
    case .surrogateString(let utf8):
      emitText(utf8)
      memoize(id)
    case .bytes(let bytes):
      emitBytes(bytes)
      memoize(id)
    case .byteArray(let bytes):
      emitHelper(.global(PickleGlobal("__builtin__", "bytearray")))
      emitBytes(bytes)
      emit(.tuple1)
      emit(.reduce)
      memoize(id)
    case .global(let global):
      emitGlobal(global)
      memoize(id)
    case .list:
      emit(.emptyList)
      memoize(id)
      steps.append(.appendItems(id, from: 0))
    case .dict:
      emit(.emptyDict)
      memoize(id)
      steps.append(.setItems(id, from: 0))
    case .tuple(let items): emitTuple(id, items)
    case .set(let items): emitSet(id, items, "set")
    case .frozenSet(let items): emitSet(id, items, "frozenset")
    case .persistentID(let value):
      // PyTorch numbers no storages: its unpickler gives the same one for the same key anyway.
      steps.append(.emit(.binPersID))
      steps.append(.visit(value))
    case .object(let object): emitObject(id, object)
    }
  }

  private mutating func emitTuple(_ id: PickleGraph.ID, _ items: [PickleGraph.ID]) {
    switch items.count {
    case 0: return emit(.emptyTuple)
    case 1: steps.append(.unlessMemoized(id, marked: false, count: 1, then: [.tuple1]))
    case 2: steps.append(.unlessMemoized(id, marked: false, count: 2, then: [.tuple2]))
    case 3: steps.append(.unlessMemoized(id, marked: false, count: 3, then: [.tuple3]))
    default:
      emit(.mark)
      steps.append(.unlessMemoized(id, marked: true, count: 0, then: [.tuple]))
    }
    for item in items.reversed() { steps.append(.visit(item)) }
  }

  private mutating func emitSet(_ id: PickleGraph.ID, _ items: [PickleGraph.ID], _ type: String) {
    emitHelper(.global(PickleGlobal("__builtin__", type)))
    emit(.emptyList)
    steps.append(.unlessMemoized(id, marked: false, count: 2, then: [.tuple1, .reduce]))
    guard !items.isEmpty else { return }
    emit(.mark)
    steps.append(.emit(.appends))
    for item in items.reversed() { steps.append(.visit(item)) }
  }

  private mutating func emitObject(_ id: PickleGraph.ID, _ object: PickleObject) {
    if let state = object.state {
      steps.append(.build)
      steps.append(.visit(state))
    }
    if !object.pairs.isEmpty { steps.append(.setItems(id, from: 0)) }
    if !object.items.isEmpty { steps.append(.appendItems(id, from: 0)) }
    switch object.construction {
    case .reduce: steps.append(.unlessMemoized(id, marked: false, count: 2, then: [.reduce]))
    case .newObject: steps.append(.unlessMemoized(id, marked: false, count: 2, then: [.newObj]))
    case .newObjectWithKeywords(let keywords):
      steps.append(.unlessMemoized(id, marked: false, count: 3, then: [.newObjEx]))
      steps.append(.visit(keywords))
    }
    steps.append(.visit(object.arguments))
    steps.append(.visit(object.callable))
  }

  private mutating func appendItems(_ id: PickleGraph.ID, from start: Int) {
    let items: [PickleGraph.ID]
    switch graph[id] {
    case .list(let list): items = list
    case .object(let object): items = object.items
    default: return
    }
    let end = min(start + Self.batch, items.count)
    guard start < end else { return }
    if end < items.count { steps.append(.appendItems(id, from: end)) }
    if end - start > 1 { emit(.mark) }
    steps.append(.emit(end - start > 1 ? .appends : .append))
    for item in items[start..<end].reversed() { steps.append(.visit(item)) }
  }

  private mutating func setItems(_ id: PickleGraph.ID, from start: Int) {
    let pairs: [PicklePair]
    switch graph[id] {
    case .dict(let dict): pairs = dict
    case .object(let object): pairs = object.pairs
    default: return
    }
    let end = min(start + Self.batch, pairs.count)
    guard start < end else { return }
    if end < pairs.count { steps.append(.setItems(id, from: end)) }
    if end - start > 1 { emit(.mark) }
    steps.append(.emit(end - start > 1 ? .setItems : .setItem))
    for pair in pairs[start..<end].reversed() {
      steps.append(.visit(pair.value))
      steps.append(.visit(pair.key))
    }
  }
}
