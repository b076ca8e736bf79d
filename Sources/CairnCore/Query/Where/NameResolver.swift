import GRDB

/// Finds out what names stand for; what stands for nothing is an error that lists what does.
struct NameResolver {
  let db: Database
  /// The text that the names stand in.
  let text: String

  func quantity(_ name: WhereName) throws -> Quantity {
    if let keys = name.keys, keys.count == 1, let column = CheckpointColumn(named: keys[0]) { return .column(column) }
    if name.parts.count > 1, case .key(let first) = name.parts[0] {
      let rest = Array(name.parts.dropFirst())
      if first == "metrics", let metric = WhereName(parts: rest).metric {
        guard try isMetric(metric) else { throw try unknown(name) }
        return .metric(metric)
      }
      if let document = Quantity.JSONPlace.Document(rawValue: first) {
        return .values(try places(rest, of: name, in: [document]))
      }
    }
    if let metric = name.metric, try isMetric(metric) { return .metric(metric) }
    return .values(try places(name.parts, of: name, in: Quantity.JSONPlace.Document.allCases))
  }

  private func isMetric(_ name: String) throws -> Bool {
    try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM metric WHERE name = ?)", arguments: [name]) ?? false
  }

  /// The places that parts may mean, if there is a checkpoint with a value at one of them.
  private func places(
    _ parts: [WhereName.Part], of name: WhereName, in documents: [Quantity.JSONPlace.Document]
  ) throws -> [Quantity.JSONPlace] {
    var paths = [try path(parts, of: name)]
    if parts.count > 1, let flat = WhereName(parts: parts).metric { paths.append(try path([.key(flat)], of: name)) }
    let places = documents.flatMap { document in paths.map { Quantity.JSONPlace(document: document, path: $0) } }
    let tests = places.map { "json_type(\($0.document.sql), \($0.path)) IS NOT NULL" as SQL }
    // The newest first: what is asked for is most often what is saved now.
    let query: SQL = """
      SELECT 1 FROM checkpoint c CROSS JOIN manifest m ON m.id = c.manifest_id WHERE \(tests.joined(separator: " OR "))
      ORDER BY c.id DESC LIMIT 1
      """
    guard try SQLRequest<Int>(literal: query).fetchOne(db) != nil else { throw try unknown(name) }
    return places
  }

  /// A path as SQLite takes it. Its quotes know no escapes.
  private func path(_ parts: [WhereName.Part], of name: WhereName) throws -> String {
    var path = "$"
    for part in parts {
      switch part {
      case .key(let key):
        guard key.unicodeScalars.allSatisfy({ $0 != "\"" && $0 != "\\" && $0.value >= 32 }) else {
          throw WhereFailure.error(
            "a key with a quote, a backslash or a control character, which cannot be looked up", in: text,
            at: name.place.range)
        }
        path += ".\"\(key)\""
      case .index(let index): path += index < 0 ? "[#\(index)]" : "[\(index)]"
      }
    }
    return path
  }

  private func unknown(_ name: WhereName) throws -> CairnError {
    WhereFailure.error(
      "nothing is called \(name)", in: text, at: name.place.range,
      advice: try KnownNames(db).advice(for: name.keys?.joined(separator: ".") ?? name.description))
  }
}

extension WhereName {
  /// The metric of this name: a dot between its keys is a part of it.
  var metric: String? { keys?.joined(separator: ".") }
}
