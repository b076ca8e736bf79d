import CairnCore

/// Turns the plain values of a state into JSON, bounded in size whatever the state holds.
///
/// Taken are the members of the state's dictionary that Lightning is known to write, and any other that has no tensor
/// in it. In them
/// - tensors are left out of dictionaries; in lists, where a gap would shift what follows, they are
///   `{"__class__": "torch.Tensor"}`;
/// - any other object is `{"__class__": "module.Class"}`, with its plain attributes and items as further members, and
///   the plain arguments it is made of as `__args__`;
/// - classes, functions and element types are their dotted names, bytes are `{"__class__": "bytes", "count": …}`,
///   integers beyond 64 bits and NaN are strings;
/// - strings over 4 KiB are cut and end in `…`; lists and dictionaries over 1,000 items are cut and end in
///   `"… (n more)"`, dictionaries under the key `…`; beyond about 256 KiB in all, or 64 levels, values are `"…"`.
public enum PyTorchMetadata {
  /// What Lightning writes (lightning/pytorch/trainer/connectors/checkpoint_connector.py, `dump_checkpoint`), in the
  /// order in which the room is given.
  static let wellKnown = [
    "epoch", "global_step", "pytorch-lightning_version", "hparams_name", "hyper_parameters",
    "datamodule_hparams_name", "datamodule_hyper_parameters", "hparams_type", "lr_schedulers", "callbacks", "loops",
  ]

  /// The metadata of a state.
  static func of(_ graph: PyTorchGraph, tensorHolders: [Bool]) -> [String: JSONValue] {
    guard let pairs = graph.pickle.members(graph.pickle.root) else { return [:] }
    var values: [String: PickleGraph.ID] = [:]
    var others: [String] = []
    for pair in pairs {
      guard case .string(let key) = graph.pickle[pair.key], key.utf8.count <= TensorNames.longestKey else { continue }
      if values.updateValue(pair.value, forKey: key) == nil, !wellKnown.contains(key) { others.append(key) }
    }
    var writer = JSONMaker(graph)
    var metadata: [String: JSONValue] = [:]
    for key in wellKnown { metadata[key] = values[key].flatMap { writer.value($0) } }
    for key in others.prefix(JSONMaker.longestCollection) {
      guard let id = values[key], !tensorHolders[id] else { continue }
      metadata[key] = writer.value(id)
    }
    return metadata
  }
}

extension PickleGraph {
  /// The items of a dictionary of any kind.
  func members(_ id: ID) -> [PicklePair]? {
    switch nodes[id] {
    case .dict(let pairs): return pairs
    case .object(let object):
      guard let global = global(at: object.callable), global == PickleGlobal("collections", "OrderedDict") else {
        return nil
      }
      return orderedItems(object)
    default: return nil
    }
  }

  /// The items of an OrderedDict: set one by one, or, by old protocols, given to the constructor as a list of pairs.
  /// Nil if it was made in any other way.
  package func orderedItems(_ object: PickleObject) -> [PicklePair]? {
    guard object.items.isEmpty, case .tuple(let arguments) = nodes[object.arguments], arguments.count <= 1 else {
      return nil
    }
    guard let list = arguments.first else { return object.pairs }
    guard case .list(let items) = nodes[list] else { return nil }
    var pairs: [PicklePair] = []
    for item in items {
      let parts: [ID]
      switch nodes[item] {
      case .list(let values), .tuple(let values): parts = values
      default: return nil
      }
      guard parts.count == 2 else { return nil }
      pairs.append(PicklePair(parts[0], parts[1]))
    }
    return pairs + object.pairs
  }
}

/// Makes JSON of nodes until its room is used up.
struct JSONMaker {
  static let longestString = 4096
  static let longestCollection = 1000
  static let deepest = 64

  let graph: PyTorchGraph
  private var pickle: PickleGraph { graph.pickle }
  /// Bytes of JSON that there is still room for, roughly counted.
  private var room = 256 << 10
  private var isFull: Bool { room <= 0 }

  init(_ graph: PyTorchGraph) {
    self.graph = graph
  }

  /// The value of node `id`; nil for a tensor or storage, which is left out.
  mutating func value(_ id: PickleGraph.ID, depth: Int = 0) -> JSONValue? {
    room -= 8
    guard !isFull, depth < Self.deepest else { return "…" }
    switch pickle.resolved(id) {
    case .none: return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .bigInt(let bytes): return text(PythonInteger.description(bytes))
    case .float(let value): return JSONValue(value)
    case .string(let value): return text(value)
    case .surrogateString(let utf8): return text(String(decoding: utf8.prefix(Self.longestString), as: UTF8.self))
    case .bytes(let bytes):
      // Finding them took time in proportion, and they may be shared.
      room -= bytes.count / 1024
      return ["__class__": "bytes", "count": .int(Int64(bytes.count))]
    case .byteArray(let bytes):
      room -= bytes.count / 1024
      return ["__class__": "bytearray", "count": .int(Int64(bytes.count))]
    case .list(let items), .tuple(let items), .set(let items), .frozenSet(let items):
      return .array(array(items, depth: depth))
    case .dict(let pairs): return .object(object(pairs, depth: depth))
    case .global(let global): return text(global.modern.description)
    case .persistentID: return nil
    case .object(let object): return value(object, depth: depth)
    }
  }

  private mutating func value(_ object: PickleObject, depth: Int) -> JSONValue? {
    if graph.makesTensor(object.callable) { return nil }
    let name = pickle.className(object)
    var arguments: [PickleGraph.ID] = []
    if case .tuple(let values) = pickle[object.arguments] { arguments = values }
    switch name {
    case "collections.OrderedDict":
      if let pairs = pickle.orderedItems(object) { return .object(self.object(pairs, depth: depth)) }
    case "torch.Size", "torch.device":
      if let first = arguments.first { return value(first, depth: depth + 1) }
    default: break
    }
    // A nested class, named by a call.
    if name == "builtins.getattr", arguments.count == 2, case .global(let outer) = pickle[arguments[0]],
      case .string(let inner) = pickle[arguments[1]]
    {
      return text("\(outer.modern.description).\(inner)")
    }
    var members: [String: JSONValue] = [:]
    if let state = object.state {
      if let attributes = pickle.attributes(state) {
        members = self.object(attributes, depth: depth)
      } else {
        members["__state__"] = value(state, depth: depth + 1)
      }
    }
    members.merge(self.object(object.pairs, depth: depth)) { _, item in item }
    if !object.items.isEmpty { members["__items__"] = .array(array(object.items, depth: depth)) }
    if !arguments.isEmpty { members["__args__"] = .array(array(arguments, depth: depth)) }
    members["__class__"] = text(name)
    return .object(members)
  }

  private mutating func text(_ value: String) -> JSONValue {
    guard value.utf8.count > Self.longestString else {
      room -= value.utf8.count
      return .string(value)
    }
    room -= Self.longestString
    return .string(String(decoding: value.utf8.prefix(Self.longestString), as: UTF8.self) + "…")
  }

  private mutating func array(_ items: [PickleGraph.ID], depth: Int) -> [JSONValue] {
    var values: [JSONValue] = []
    for (position, item) in items.enumerated() {
      if position == Self.longestCollection || isFull {
        values.append(.string("… (\(items.count - position) more)"))
        break
      }
      values.append(value(item, depth: depth + 1) ?? ["__class__": "torch.Tensor"])
    }
    return values
  }

  private mutating func object(_ pairs: [PicklePair], depth: Int) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    for (position, pair) in pairs.enumerated() {
      if position == Self.longestCollection || isFull {
        members["…"] = .string("… (\(pairs.count - position) more)")
        break
      }
      let key = pickle.keyText(pair.key, limit: TensorNames.longestKey)
      room -= key.utf8.count
      members[key] = value(pair.value, depth: depth + 1)
    }
    return members
  }
}
