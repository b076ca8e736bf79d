import GRDB

/// The names that mean something in a repository, for who wrote one that does not.
struct KnownNames {
  /// Names of columns.
  let columns = CheckpointColumn.allCases.map(\.rawValue)
  /// Names of metrics.
  let metrics: [String]
  /// Paths into metadata, and into what was read out of checkpoints, of the newest ones.
  let metadata: [String]

  private static let checkpointsSearched = 20
  private static let mostNames = 2_000
  private static let deepest = 6
  private static let mostShown = 16

  init(_ db: Database) throws {
    metrics = try String.fetchAll(db, sql: "SELECT DISTINCT name FROM metric ORDER BY name LIMIT \(Self.mostNames)")
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT c.metadata, m.metadata FROM checkpoint c JOIN manifest m ON m.id = c.manifest_id ORDER BY c.id DESC LIMIT ?
        """, arguments: [Self.checkpointsSearched])
    var found: Set<String> = []
    for row in rows {
      for column in 0..<2 {
        guard let value = try? JSONValue(parsing: (row.value(column) as String).utf8) else { continue }
        Self.collect(value, [], &found)
      }
    }
    // A trainer's own bookkeeping has keys that need quotes: seldom what somebody asks for.
    metadata = found.sorted { ($0.contains("\"") ? 1 : 0, $0) < ($1.contains("\"") ? 1 : 0, $1) }
  }

  private static func collect(_ value: JSONValue, _ path: [WhereName.Part], _ found: inout Set<String>) {
    guard found.count < mostNames else { return }
    if case .object(let members) = value, path.count < deepest, !members.isEmpty {
      for (key, member) in members { collect(member, path + [.key(key)], &found) }
    } else if case .array = value {
      return
    } else if !path.isEmpty {
      found.insert(WhereName(parts: path).description)
    }
  }

  /// What may have been meant, and what there is.
  func advice(for name: String) -> String {
    var parts: [String] = []
    if let meant = nearest(to: name) { parts.append("did you mean \(meant)?") }
    parts.append("columns: " + columns.joined(separator: ", "))
    if !metrics.isEmpty { parts.append("metrics: " + Self.list(metrics.map(WhereName.quotedIfNeeded))) }
    if !metadata.isEmpty { parts.append("metadata: " + Self.list(metadata)) }
    return parts.joined(separator: "; ")
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(mostShown).joined(separator: ", ")
    return names.count > mostShown ? shown + " and \(names.count - mostShown) more" : shown
  }

  private func nearest(to name: String) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars.prefix(Self.longestCompared))
    var best: (name: String, distance: Int)?
    for candidate in columns + metrics.map(WhereName.quotedIfNeeded) + metadata {
      let other = Array(candidate.lowercased().unicodeScalars.prefix(Self.longestCompared))
      var distance = Self.distance(wanted, other)
      // The last part alone, `lr` for `hyper_parameters.lr`, or at another depth.
      if candidate.hasSuffix("." + name) { distance = 1 }
      if let last = name.split(separator: ".").last, candidate.hasSuffix(".\(last)") { distance = min(distance, 2) }
      if distance <= max(wanted.count / 3, 2), distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  private static let longestCompared = 48

  /// How many insertions, removals and replacements make one of the other.
  private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, right) in b.enumerated() {
        let replaced = diagonal + (left == right ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
