import GRDB

/// What is to be said of a checkpoint from now on.
public struct Annotation: Sendable, Hashable {
  /// Metrics that are set. NaN and infinities are left out, with a warning.
  public var metrics: [String: Double] = [:]
  /// Metadata that is set, by key.
  public var metadata: [String: JSONValue] = [:]
  /// Metrics and keys of metadata that are taken away.
  public var unset: [String] = []

  /// Makes an annotation that changes nothing.
  public init() {}
}

/// What annotating has done.
public struct AnnotationReport: Sendable {
  /// The checkpoint as it is described now.
  public var checkpoint: CheckpointRecord
  /// What went less than well although it was done.
  public var warnings: [String]
}

extension Repository {
  /// Sets metrics and metadata of a checkpoint, and takes others away. Its content, and what was read out of it, stays.
  ///
  /// Throws ``CairnError/Kind/invalid`` if there is nothing to change, a name cannot be used, too much would be said, or
  /// something is to be taken away that is not there; and ``CairnError/Kind/notFound``.
  public func annotate(_ name: PathName, _ annotation: Annotation) throws -> AnnotationReport {
    for name in annotation.metrics.keys { try PathName.validateText(name) }
    let report = try locked { locked -> AnnotationReport? in
      guard var record = try locked.index.read({ try Self.find(name, in: $0) }) else { return nil }
      var warnings: [String] = []
      var entry = LogEntry(.annotated, id: record.id, by: .now())
      entry.setMetrics(annotation.metrics, &warnings)
      entry.metadata = annotation.metadata.isEmpty ? nil : annotation.metadata
      try entry.setUnset(annotation.unset, of: record)
      for key in annotation.metrics.keys { try record.metrics.refuseLookalike(of: key, in: record.name) }
      for key in annotation.metadata.keys { try record.metadata.refuseLookalike(of: key, in: record.name) }
      let changes = entry.metrics != nil || entry.metadata != nil || entry.unsetMetrics != nil
      guard changes || entry.unsetMetadata != nil else {
        throw CairnError(
          .invalid, "\(name): nothing to change" + warnings.map { "; \($0)" }.joined(),
          advice: "give metrics or metadata to set, or to take away")
      }
      for key in entry.unsetMetrics ?? [] { record.metrics[key] = nil }
      for key in entry.unsetMetadata ?? [] { record.metadata[key] = nil }
      record.metrics.merge(entry.metrics ?? [:]) { $1 }
      record.metadata.merge(entry.metadata ?? [:]) { $1 }
      try LogEntry.requireRoom(for: record)
      warnings += try locked.commit(entry)
      return AnnotationReport(checkpoint: record, warnings: warnings)
    }
    guard let report else { throw try absence(of: name) }
    return report
  }
}

extension Dictionary where Key == String {
  /// Throws if there is another name that is the same to Swift and has other bytes: the two would be one here, and two in
  /// the index.
  fileprivate func refuseLookalike(of name: String, in checkpoint: String) throws {
    guard let other = lookalike(of: name) else { return }
    throw CairnError(
      .invalid, "\(checkpoint): has \(other), which looks like \(name) and is written in other bytes",
      advice: "write it the same way, or take the other away first")
  }
}

extension LogEntry {
  fileprivate mutating func setUnset(_ names: [String], of record: CheckpointRecord) throws {
    var (metrics, metadata): ([String], [String]) = ([], [])
    for name in Set(names).sorted() {
      let isMetric = record.metrics[name] != nil && record.metrics.lookalike(of: name) == nil
      let isKey = record.metadata[name] != nil && record.metadata.lookalike(of: name) == nil
      if isMetric { metrics.append(name) }
      if isKey { metadata.append(name) }
      guard isMetric || isKey else {
        let known = (record.metrics.keys.sorted() + record.metadata.keys.sorted()).joined(separator: ", ")
        throw CairnError(
          .invalid, "\(record.name): has no metric or metadata called \(name)",
          advice: known.isEmpty ? "it has none" : "it has \(known)")
      }
    }
    unsetMetrics = metrics.isEmpty ? nil : metrics
    unsetMetadata = metadata.isEmpty ? nil : metadata
  }
}
