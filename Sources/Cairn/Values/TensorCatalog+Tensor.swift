import CairnCore
import CairnFormats

extension TensorCatalog {
  /// The one tensor that `pattern` names: by its name as it stands, else as a pattern that matches exactly one.
  ///
  /// Throws ``CairnError/Kind/notFound`` with names that are like it if there is none, ``CairnError/Kind/invalid`` if
  /// there are several.
  public func tensor(_ pattern: String) throws -> TensorEntry {
    if let entry = tensors.first(where: { $0.name.isExactly(pattern) }) { return entry }
    let glob = Glob(pattern)
    let found = tensors.filter { glob.matches($0.name) }
    if let entry = found.first, found.count == 1 { return entry }
    if found.isEmpty {
      let near = NearNames.of(pattern, among: tensors.map(\.name))
      throw CairnError(
        .notFound, "\(name): has no tensor \(pattern)",
        advice: tensors.isEmpty
          ? "it has no tensors" : near.isEmpty ? "`cairn show` lists them" : "like it: " + near.joined(separator: ", "))
    }
    let some = found.prefix(5).map(\.name).joined(separator: ", ")
    throw CairnError(
      .invalid, "\(name): \(pattern) matches \(found.count) tensors: \(some)\(found.count > 5 ? ", …" : "")",
      advice: "name one of them")
  }

  /// Reads a tensor and says what its values are like; digests are not checked.
  ///
  /// - Parameters:
  ///   - bins: How many parts the histogram has, at most.
  ///   - progress: Told how many elements of how many have been gone through, from any thread.
  ///   - isCancelled: Asked often, from any thread: `true` ends it with ``CairnError/Kind/cancelled``.
  public func summary(
    of entry: TensorEntry, bins: Int = 16, progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil,
    isCancelled: (@Sendable () -> Bool)? = nil
  ) throws -> TensorSummary {
    let summary = try TensorSummarizer(
      name: entry.name, source: try source(entry, verify: false), binCount: max(bins, 1), progress: progress,
      isCancelled: isCancelled
    ).run()
    try checkUnchanged()
    return summary
  }

  /// Writes a tensor to a file of its own, in row-major order whatever its strides, and all that is read of a repository
  /// checked against its digests. The file appears once it is complete; returns its size in bytes.
  ///
  /// - Parameter overwrite: Replace what is there.
  ///
  /// Throws ``CairnError/Kind/invalid`` if the format has no such type (NumPy has no `bfloat16`), and what
  /// ``Repository/restore(_:to:_:)`` does.
  public func write(
    _ entry: TensorEntry, to path: String, as format: TensorFileFormat, overwrite: Bool = false,
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
  ) throws -> Int {
    let source = try source(entry, verify: true)
    let output = try Output(path, overwrite: overwrite)
    return try TensorFile(
      entry: entry, source: source, format: format, progress: progress, check: checkUnchanged
    ).write(to: output)
  }
}
