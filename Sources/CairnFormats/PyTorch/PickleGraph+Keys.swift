extension PickleGraph {
  /// A dictionary key as a part of a dotted name or a JSON object's key: a string as it is, a number in decimal, any
  /// other value about as Python prints it. Cut if it is over `limit` bytes.
  package func keyText(_ id: ID, limit: Int, nesting: Int = 0) -> String {
    let text: String
    switch resolved(id) {
    case .none: text = "None"
    case .bool(let value): text = value ? "True" : "False"
    case .int(let value): text = String(value)
    case .bigInt(let bytes): text = PythonInteger.description(bytes)
    case .float(let value): text = String(value)
    case .string(let value): text = value
    case .surrogateString(let bytes), .bytes(let bytes), .byteArray(let bytes):
      text = String(decoding: bytes.prefix(limit), as: UTF8.self)
    case .tuple(let items), .list(let items), .set(let items), .frozenSet(let items):
      guard nesting < 2 else { return "(…)" }
      let shown = items.prefix(8).map { keyText($0, limit: limit / 4, nesting: nesting + 1) }
      text = "(\(shown.joined(separator: ", "))\(items.count > 8 ? ", …" : ""))"
    case .dict: text = "{…}"
    case .global(let global): text = global.modern.description
    case .object(let object): text = "<\(className(object))>"
    case .persistentID: text = "<storage>"
    }
    guard text.utf8.count > limit else { return text }
    // Far shorter than the limit: a key that is used a million times must not be copied at length each time.
    return String(decoding: text.utf8.prefix(limit / 8), as: UTF8.self) + "…"
  }

  /// The attributes in an object's state: a dictionary, or a pair of one (or None) and one for slots. Nil for others.
  package func attributes(_ state: ID) -> [PicklePair]? {
    switch nodes[state] {
    case .dict(let pairs): return pairs
    case .tuple(let parts):
      guard parts.count == 2 else { return nil }
      var attributes: [PicklePair] = []
      for part in parts {
        switch nodes[part] {
        case .dict(let pairs): attributes += pairs
        case .none: break
        default: return nil
        }
      }
      return attributes
    default: return nil
    }
  }

  /// The class of an object, or the function that makes it.
  package func className(_ object: PickleObject) -> String {
    if let global = global(at: object.callable) {
      // copyreg._reconstructor(class, base, state) and copyreg.__newobj__(class, …) make an object of their argument.
      if global.module == "copyreg", case .tuple(let arguments) = nodes[object.arguments], let first = arguments.first,
        let type = self.global(at: first)
      {
        return type.description
      }
      return global.description
    }
    return "an object of a computed class"
  }
}
