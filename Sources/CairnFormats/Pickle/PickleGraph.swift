/// What a pickle describes, as a graph of nodes that refer to each other by number.
///
/// Nothing was executed to get it: a call that the pickle asks for is an ``PickleNode/object(_:)`` node that says what
/// would be called, and with what. Numbers instead of references keep shared values and cycles as they are, and make
/// the depth of nesting harmless: neither reading nor freeing a graph recurses.
public struct PickleGraph: Sendable {
  /// The position of a node in ``nodes``.
  public typealias ID = Int

  /// All nodes, those that nothing refers to any more included.
  public var nodes: [PickleNode]
  /// The node that is the pickled value itself.
  public var root: ID
  /// How many bytes the pickle took, from its start to the STOP opcode and with it.
  public var byteCount: Int
  /// Whether the pickle makes a call only for its effect, and drops the result (as reducers with a state setter do).
  ///
  /// Such a call is not a part of the graph, so the graph then says less than the pickle.
  public var discardsCalls: Bool

  /// Makes a graph from its parts.
  public init(nodes: [PickleNode], root: ID, byteCount: Int = 0, discardsCalls: Bool = false) {
    self.nodes = nodes
    self.root = root
    self.byteCount = byteCount
    self.discardsCalls = discardsCalls
  }

  /// The node numbered `id`.
  public subscript(id: ID) -> PickleNode { nodes[id] }
}

/// One value of a ``PickleGraph``, by Python's types.
public enum PickleNode: Sendable, Hashable {
  case none
  case bool(Bool)
  case int(Int64)
  /// An `int` beyond 64 bits, as little-endian two's complement without redundant bytes.
  case bigInt([UInt8])
  case float(Double)
  case string(String)
  /// A `str` with unpaired surrogates, which a `String` cannot hold: UTF-8 with surrogates encoded like other scalars.
  case surrogateString([UInt8])
  case bytes([UInt8])
  case byteArray([UInt8])
  case list([PickleGraph.ID])
  case tuple([PickleGraph.ID])
  /// The items in the order in which they were set; of several with the same key, the last one counts.
  case dict([PicklePair])
  case set([PickleGraph.ID])
  case frozenSet([PickleGraph.ID])
  /// A class or function, by name only.
  indirect case global(PickleGlobal)
  /// What a call would make.
  indirect case object(PickleObject)
  /// What the application would give for an id of its own; PyTorch's storages.
  case persistentID(PickleGraph.ID)
}

/// The name of a class or function: what it is called, and in which module.
public struct PickleGlobal: Sendable, Hashable, CustomStringConvertible {
  /// The module, as the pickle names it: `__builtin__` where protocol 2 means `builtins`.
  public var module: String
  /// The name in the module, dotted for a nested class.
  public var name: String

  /// Makes a name from its parts.
  public init(_ module: String, _ name: String) {
    self.module = module
    self.name = name
  }

  public var description: String { "\(module).\(name)" }
}

/// A key and its value.
public struct PicklePair: Sendable, Hashable {
  /// The node of the key.
  public var key: PickleGraph.ID
  /// The node of the value.
  public var value: PickleGraph.ID

  /// Makes a pair from its parts.
  public init(_ key: PickleGraph.ID, _ value: PickleGraph.ID) {
    self.key = key
    self.value = value
  }
}

/// An object that only a call could make, with all that the pickle says of it.
///
/// Python makes it in this order (pickle.py, `save_reduce`): the call, then ``items``, ``pairs``, and ``state``.
public struct PickleObject: Sendable, Hashable {
  /// The three ways to make an object.
  public enum Construction: Sendable, Hashable {
    /// `callable(*arguments)`
    case reduce
    /// `callable.__new__(callable, *arguments)`
    case newObject
    /// `callable.__new__(callable, *arguments, **keywords)`
    case newObjectWithKeywords(PickleGraph.ID)
  }

  /// How the object is made.
  public var construction: Construction
  /// The class or function, most often a ``PickleNode/global(_:)``.
  public var callable: PickleGraph.ID
  /// The arguments, a tuple in any pickle that Python would read.
  public var arguments: PickleGraph.ID
  /// What is appended to it.
  public var items: [PickleGraph.ID] = []
  /// What is set in it by key.
  public var pairs: [PicklePair] = []
  /// What its `__setstate__` is given, or its attributes.
  public var state: PickleGraph.ID?

  /// Makes an object without items, pairs and state.
  public init(_ construction: Construction, _ callable: PickleGraph.ID, _ arguments: PickleGraph.ID) {
    self.construction = construction
    self.callable = callable
    self.arguments = arguments
  }
}

extension PickleNode {
  /// Calls `visit` with each node that this one refers to, in the order in which Python's pickler writes them.
  func forEachChild(_ visit: (PickleGraph.ID) -> Void) {
    switch self {
    case .none, .bool, .int, .bigInt, .float, .string, .surrogateString, .bytes, .byteArray, .global: break
    case .list(let items), .tuple(let items), .set(let items), .frozenSet(let items): items.forEach(visit)
    case .dict(let pairs):
      for pair in pairs {
        visit(pair.key)
        visit(pair.value)
      }
    case .object(let object):
      visit(object.callable)
      visit(object.arguments)
      if case .newObjectWithKeywords(let keywords) = object.construction { visit(keywords) }
      object.items.forEach(visit)
      for pair in object.pairs {
        visit(pair.key)
        visit(pair.value)
      }
      if let state = object.state { visit(state) }
    case .persistentID(let id): visit(id)
    }
  }
}
