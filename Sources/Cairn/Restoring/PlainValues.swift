/// What of a state is no tensor: strings at its top, which safetensors can hold, and all else, by dotted name.
struct PlainValues {
  private(set) var strings: [String: String] = [:]
  private(set) var others: [String] = []

  init(_ checkpoint: Checkpoint) {
    guard let members = checkpoint.dictionary else {
      list(checkpoint, place: "the state itself")
      return
    }
    for (key, value) in members {
      if case (.string(let name), .string(let text)) = (key, value) {
        strings[name] = text
      } else {
        list(value, place: Self.name(key))
      }
    }
  }

  private mutating func list(_ value: Checkpoint, place: String) {
    switch value {
    case .tensor: break
    case .dictionary(let members):
      // A module's state dict says which version its parts are in; tensors need none of it.
      for (key, member) in members { list(member, place: "\(place).\(Self.name(key))") }
    case .list(let elements), .tuple(let elements), .set(let elements), .frozenSet(let elements):
      for (index, element) in elements.enumerated() { list(element, place: "\(place).\(index)") }
    case .object(let object): others.append("\(place) (\(object.className))")
    default: others.append(place)
    }
  }

  private static func name(_ key: Checkpoint) -> String {
    switch key {
    case .string(let text): return text
    case .int(let number): return String(number)
    default: return "\(key)"
    }
  }
}
