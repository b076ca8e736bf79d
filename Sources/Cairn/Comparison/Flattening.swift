import CairnCore

/// Nested JSON as one level of dotted names.
enum Flattening {
  /// Adds the leaves of `value` below `name`: members by key, items by position. Empty objects and arrays are leaves.
  static func add(_ value: JSONValue, at name: String, to all: inout [String: JSONValue]) {
    var waiting = [(name, value)]
    while let (name, value) = waiting.popLast() {
      switch value {
      case .object(let members) where !members.isEmpty:
        for (key, member) in members { waiting.append((name + "." + key, member)) }
      case .array(let items) where !items.isEmpty:
        for (index, item) in items.enumerated() { waiting.append(("\(name).\(index)", item)) }
      case .object, .array:
        // That there are no metrics is not worth a line.
        if name.contains(".") { all[name] = value }
      case .double(let number):
        // JSON, which the index has been through, has one kind of number: 2.0 is 2.
        all[name] = Int64(exactly: number).map(JSONValue.int) ?? value
      default: all[name] = value
      }
    }
  }
}
