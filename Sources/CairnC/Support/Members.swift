import Cairn

/// The members of a JSON object of the caller's, taken one by one; what nobody takes is refused.
struct Members {
  private var members: [String: JSONValue]
  private let what: String

  /// Reads an object; NULL is an empty one.
  init(_ json: UnsafePointer<CChar>?, _ what: String) throws {
    self.what = what
    members = [:]
    if json == nil { return }
    let bytes = Array(try text(json, what).utf8)
    guard let value = try? JSONValue(parsing: bytes), case .object(let found) = value else {
      throw CairnError(.invalid, "\(what) is not a JSON object")
    }
    members = found
  }

  /// The strings of a JSON array.
  static func strings(_ json: UnsafePointer<CChar>?, _ what: String) throws -> [String] {
    let bytes = Array(try text(json, what).utf8)
    guard let value = try? JSONValue(parsing: bytes), let strings = Self.strings(value) else {
      throw CairnError(.invalid, "\(what) is not a JSON array of strings")
    }
    return strings
  }

  private static func strings(_ value: JSONValue) -> [String]? {
    guard case .array(let items) = value else { return nil }
    let strings = items.compactMap(\.stringValue)
    return strings.count == items.count ? strings : nil
  }

  /// Takes a member; `read` gives nil for one of the wrong type. JSON's null is as if it were not there.
  private mutating func take<Value>(
    _ key: String, _ expected: String, _ read: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let value = members.removeValue(forKey: key), value != .null else { return nil }
    guard let result = read(value) else { throw CairnError(.invalid, "\(what): \(key) is not \(expected)") }
    return result
  }

  mutating func string(_ key: String) throws -> String? { try take(key, "a string", \.stringValue) }

  mutating func int(_ key: String) throws -> Int? { try take(key, "an integer", \.intValue) }

  /// How many of something.
  mutating func count(_ key: String) throws -> Int? {
    try take(key, "a number of things") { value in value.intValue.flatMap { $0 < 0 ? nil : $0 } }
  }

  mutating func number(_ key: String) throws -> Double? { try take(key, "a number", \.doubleValue) }

  /// Values for SQL.
  mutating func values(_ key: String) throws -> [QueryValue]? {
    try take(key, "an array of values: null, numbers, strings, {\"real\"} and {\"blob\"}") { value in
      guard case .array(let items) = value else { return nil }
      let values = items.compactMap { QueryValue($0) }
      return values.count == items.count ? values : nil
    }
  }

  mutating func bool(_ key: String) throws -> Bool? {
    try take(key, "true or false") { if case .bool(let value) = $0 { value } else { nil } }
  }

  mutating func strings(_ key: String) throws -> [String]? { try take(key, "an array of strings", Self.strings) }

  mutating func object(_ key: String) throws -> [String: JSONValue]? {
    try take(key, "an object") { if case .object(let value) = $0 { value } else { nil } }
  }

  /// Numbers by name; `"NaN"`, `"Infinity"` and `"-Infinity"`, which JSON has no numbers for, as strings.
  mutating func numbers(_ key: String) throws -> [String: Double]? {
    try take(key, "an object of numbers") { value in
      guard case .object(let members) = value else { return nil }
      var numbers: [String: Double] = [:]
      for (name, value) in members {
        guard let number = value.doubleValue ?? Self.special(value) else { return nil }
        numbers[name] = number
      }
      return numbers
    }
  }

  private static func special(_ value: JSONValue) -> Double? {
    switch value {
    case "NaN": .nan
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    default: nil
    }
  }

  /// Throws for a member that nobody has taken: a slip must not pass as if it were done.
  func end() throws {
    guard let key = members.keys.min() else { return }
    throw CairnError(.invalid, "\(what): unknown member \(key)")
  }
}

extension Members {
  /// The request of a save, but for members that only some saves have.
  mutating func saveRequest() throws -> SaveRequest {
    guard let path = try string("path") else { throw CairnError(.invalid, "\(what): path is missing") }
    var request = SaveRequest(path: path)
    request.run = try string("run")
    request.runMetadata = try object("run_metadata") ?? [:]
    request.step = try int("step")
    request.epoch = try int("epoch")
    request.metrics = try numbers("metrics") ?? [:]
    request.tags = try strings("tags") ?? []
    request.metadata = try object("metadata") ?? [:]
    request.keepVersions = try int("keep_versions")
    request.parent = try string("parent")
    request.replaces = try strings("replaces") ?? []
    request.pointer = try bool("pointer") ?? false
    request.indexLater = try bool("index_later") ?? false
    return request
  }
}
