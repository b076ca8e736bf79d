import CairnFormats

/// A pickle put together by hand: text and bytes as they are in the file.
func pickle(_ parts: PicklePart...) -> [UInt8] { parts.flatMap(\.bytes) }

struct PicklePart: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  let bytes: [UInt8]
  init(stringLiteral value: String) { bytes = Array(value.utf8) }
  init(integerLiteral value: UInt8) { bytes = [value] }
  init(arrayLiteral elements: UInt8...) { bytes = elements }
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  static func times(_ count: Int, _ text: String) -> PicklePart {
    PicklePart(Array(repeatElement(Array(text.utf8), count: count).joined()))
  }
}

/// Builds graphs as PyTorch's pickles are.
final class StateGraph {
  var nodes: [PickleNode] = []

  func add(_ node: PickleNode) -> Int {
    nodes.append(node)
    return nodes.count - 1
  }
  func text(_ value: String) -> Int { add(.string(value)) }
  func int(_ value: Int) -> Int { add(.int(Int64(value))) }
  func float(_ value: Double) -> Int { add(.float(value)) }
  func tuple(_ items: Int...) -> Int { add(.tuple(items)) }
  func sizes(_ values: [Int]) -> Int { add(.tuple(values.map { add(.int(Int64($0))) })) }
  func global(_ module: String, _ name: String) -> Int { add(.global(PickleGlobal(module, name))) }
  func dict(_ pairs: [(String, Int)]) -> Int {
    add(.dict(pairs.map { PicklePair(add(.string($0.0)), $0.1) }))
  }
  func call(_ module: String, _ name: String, _ arguments: Int...) -> Int {
    let callable = global(module, name)
    return add(.object(PickleObject(.reduce, callable, add(.tuple(arguments)))))
  }
  func storage(_ key: String, _ count: Int, _ type: String = "FloatStorage", at location: String = "cpu") -> Int {
    let module = type == "UntypedStorage" ? "torch.storage" : "torch"
    return add(.persistentID(tuple(text("storage"), global(module, type), text(key), text(location), int(count))))
  }
  func tensor(_ storage: Int, offset: Int = 0, _ shape: [Int], _ strides: [Int]) -> Int {
    let hooks = call("collections", "OrderedDict")
    return call(
      "torch._utils", "_rebuild_tensor_v2", storage, int(offset), sizes(shape), sizes(strides), add(.bool(false)), hooks
    )
  }
  func pickle(_ root: Int) throws -> [UInt8] { try PickleWriter.write(PickleGraph(nodes: nodes, root: root)) }
  func contents(_ root: Int, savedAs path: String? = nil) throws -> PyTorchContents {
    try PyTorchContents(reading: pickle(root), name: "test.pt", savedAs: path)
  }
}

extension PickleGraph {
  /// The value at `id` as text, to compare with; shared values are written out, cycles are `@`.
  func described(_ id: ID, path: Set<ID> = []) -> String {
    guard !path.contains(id) else { return "@" }
    let path = path.union([id])
    func all(_ ids: [ID]) -> String { ids.map { described($0, path: path) }.joined(separator: ",") }
    func all(_ pairs: [PicklePair]) -> String {
      pairs.map { described($0.key, path: path) + ":" + described($0.value, path: path) }.joined(separator: ",")
    }
    switch self[id] {
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return String(value)
    case .bigInt(let bytes): return PythonInteger.description(bytes)
    case .float(let value): return String(value)
    case .string(let value): return "'\(value)'"
    case .surrogateString(let bytes): return "s\(bytes)"
    case .bytes(let bytes): return "b\(bytes)"
    case .byteArray(let bytes): return "ba\(bytes)"
    case .list(let items): return "[\(all(items))]"
    case .tuple(let items): return "(\(all(items)))"
    case .dict(let pairs): return "{\(all(pairs))}"
    case .set(let items): return "set(\(all(items)))"
    case .frozenSet(let items): return "frozenset(\(all(items)))"
    case .global(let global): return "\(global)"
    case .persistentID(let value): return "pid\(described(value, path: path))"
    case .object(let object):
      var text = described(object.callable, path: path)
      if object.construction == .newObject { text += ".__new__" }
      if case .newObjectWithKeywords(let keywords) = object.construction {
        text += ".__new__**\(described(keywords, path: path))"
      }
      text += described(object.arguments, path: path)
      if !object.items.isEmpty { text += "+[\(all(object.items))]" }
      if !object.pairs.isEmpty { text += "+{\(all(object.pairs))}" }
      if let state = object.state { text += "/" + described(state, path: path) }
      return text
    }
  }
}
