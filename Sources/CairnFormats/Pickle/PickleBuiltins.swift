extension PickleGlobal {
  /// The name by which Python 3 knows it: protocols below 3 name modules as Python 2 did (CPython's
  /// Lib/_compat_pickle.py; only what values of built-in types need).
  package var modern: PickleGlobal {
    switch module {
    case "__builtin__": PickleGlobal("builtins", name)
    case "copy_reg": PickleGlobal("copyreg", name)
    default: self
    }
  }

  /// Whether this is `module.name` under its own or its Python 2 name.
  package func names(_ module: String, _ name: String) -> Bool {
    self.name == name && modern.module == module
  }
}

extension PickleGraph {
  /// The name of the class or function that `id` is, if it is one: a global, or a nested class, which protocols
  /// below 4 write as `getattr(outer, name)`.
  package func global(at id: ID) -> PickleGlobal? {
    if case .global(let global) = nodes[id] { return global.modern }
    guard case .object(let object) = nodes[id], object.construction == .reduce,
      case .global(let getter) = nodes[object.callable], getter.names("builtins", "getattr"),
      case .tuple(let arguments) = nodes[object.arguments], arguments.count == 2,
      case .global(let outer) = nodes[arguments[0]], case .string(let name) = nodes[arguments[1]]
    else { return nil }
    return PickleGlobal(outer.modern.module, "\(outer.name).\(name)")
  }

  /// The node `id`, or the value of a built-in type that it is a call for: protocol 2 has no opcodes for bytes and
  /// sets, so that Python writes them as calls.
  package func resolved(_ id: ID) -> PickleNode {
    guard case .object(let object) = nodes[id], object.construction == .reduce, object.state == nil,
      object.items.isEmpty, object.pairs.isEmpty, case .global(let callable) = nodes[object.callable],
      case .tuple(let arguments) = nodes[object.arguments]
    else { return nodes[id] }
    switch (callable.modern.module, callable.name) {
    case ("_codecs", "encode"):
      guard let bytes = latin1(arguments) else { break }
      return .bytes(bytes)
    case ("builtins", "bytes"):
      if arguments.isEmpty { return .bytes([]) }
    case ("builtins", "bytearray"):
      if arguments.isEmpty { return .byteArray([]) }
      if let bytes = latin1(arguments) { return .byteArray(bytes) }
      if arguments.count == 1 {
        if case .bytes(let bytes) = nodes[arguments[0]] { return .byteArray(bytes) }
        if case .object(let encoding) = nodes[arguments[0]], case .global(let encode) = nodes[encoding.callable],
          encode.names("_codecs", "encode"), case .tuple(let parts) = nodes[encoding.arguments],
          let bytes = latin1(parts)
        {
          return .byteArray(bytes)
        }
      }
    case ("builtins", "set"), ("builtins", "frozenset"):
      guard arguments.count <= 1 else { break }
      var members: [ID] = []
      if let list = arguments.first {
        guard case .list(let items) = nodes[list] else { break }
        members = items
      }
      return callable.name == "set" ? .set(members) : .frozenSet(members)
    default: break
    }
    return nodes[id]
  }

  /// The bytes for arguments `(text, "latin1")`.
  private func latin1(_ arguments: [ID]) -> [UInt8]? {
    guard arguments.count == 2, case .string(let text) = nodes[arguments[0]],
      case .string(let encoding) = nodes[arguments[1]], encoding == "latin1" || encoding == "latin-1"
    else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
