extension LockedRepository {
  /// How many checkpoints one line of the log removes at most.
  static let idsPerLine = 1_000

  /// Commits the removal of checkpoints, in as many lines as it takes; returns warnings.
  mutating func commitRemoval(of ids: some Collection<String>) throws -> [String] {
    var warnings: [String] = []
    var rest = ids[...]
    while !rest.isEmpty {
      var entry = LogEntry(.removed, id: randomID(), by: .now())
      entry.removes = Array(rest.prefix(Self.idsPerLine))
      warnings += try commit(entry)
      rest = rest.dropFirst(Self.idsPerLine)
    }
    return warnings
  }

  /// Commits a save that replaces other checkpoints: in one line, but for those that do not fit into it.
  mutating func commit(
    _ entry: LogEntry, replacing replaced: [String], known: IndexWriter.KnownManifest, indexLater: Bool = false
  ) throws -> [String] {
    var entry = entry
    let first = replaced.prefix(Self.idsPerLine)
    entry.removes = first.isEmpty ? nil : Array(first)
    let warnings = try commit(entry, known: known, indexLater: indexLater)
    do {
      return try warnings + commitRemoval(of: replaced.dropFirst(first.count))
    } catch {
      // The checkpoint is saved; the next save there replaces what is left.
      return warnings + ["saved, but not all versions that it replaces could be removed (\(error))"]
    }
  }
}

extension LogEntry {
  /// Takes the metrics that are numbers, and says which are not.
  mutating func setMetrics(_ metrics: [String: Double], _ warnings: inout [String]) {
    let finite = metrics.filter { $0.value.isFinite }
    for name in metrics.keys.sorted() where finite[name] == nil {
      warnings.append("the metric \(name) is not a finite number, and was left out")
    }
    self.metrics = finite.isEmpty ? nil : finite
  }
}
