import GRDB

/// A version of a path at which a tensor became another than it was in the version before.
public struct TensorChange: Sendable, Hashable {
  /// What happened to it.
  public enum Kind: String, Sendable {
    /// The version before did not have it, or there is none.
    case added
    /// Its bytes, its type or its shape are others.
    case changed
    /// This version does not have it.
    case removed
  }

  /// The version.
  public var checkpoint: CheckpointReference
  /// What happened.
  public var kind: Kind
  /// Its element type from here on, or the last one if it was removed.
  public var dtype: String
  /// Its shape from here on, or the last one.
  public var shape: [Int]
  /// The digest of its storage's bytes, if that is a single blob; nil if it was removed.
  public var digest: Digest?
  /// Whether the bytes it is a view of are others than in the version before; false if only its type, shape or strides
  /// changed. A storage that was cut or put together in another way counts as others.
  public var hasOtherBytes: Bool
  /// The element type before, if it was another.
  public var previousDType: String?
  /// The shape before, if it was another.
  public var previousShape: [Int]?
  /// For how many versions, this one included, it stays so.
  public var versions: Int
}

extension Repository {
  /// The versions of a path at which a tensor changed, newest first.
  ///
  /// Only versions that are still there are compared, each with the one before it; those that cannot be read are left
  /// out. Empty if no version has a tensor of this name.
  ///
  /// - Parameters:
  ///   - tensor: Its whole name.
  ///   - name: The path, or `path@n` to go back from version n.
  public func changes(ofTensor tensor: String, in name: PathName) throws -> [TensorChange] {
    try read { db in
      var finder = OccurrenceFinder(db)
      guard let id = try finder.rows.names(matching: Glob(literal: tensor)).first?.id else { return [] }
      let versions = try Row.fetchAll(
        db,
        sql: """
          SELECT c.id, c.manifest_id FROM checkpoint c JOIN path p ON p.id = c.path_id
            JOIN manifest m ON m.id = c.manifest_id
          WHERE p.name = ? AND (? IS NULL OR c.version <= ?) AND m.state <> 2 ORDER BY c.version
          """, arguments: [name.path, name.version, name.version])
      let wanted = try Set(versions.map { try $0.value(1) as Int64 })
      var holders: [Int64: TensorRows.Row] = [:]
      for row in try finder.rows.rows(ofName: id) {
        for manifest in try finder.rows.manifests(of: row) where wanted.contains(manifest) { holders[manifest] = row }
      }
      return try finder.changes(versions.map { (try $0.value(0), holders[try $0.value(1)]) })
    }
  }
}

extension OccurrenceFinder {
  /// Compares each version with the one before, oldest first; returns what changed, newest first.
  fileprivate mutating func changes(_ versions: [(checkpoint: Int64, tensor: TensorRows.Row?)]) throws -> [TensorChange]
  {
    var changes: [TensorChange] = []
    var previous: TensorRows.Row?
    for (checkpoint, tensor) in versions {
      defer { previous = tensor }
      if tensor?.id == previous?.id {
        if !changes.isEmpty { changes[changes.count - 1].versions += 1 }
        continue
      }
      guard let shown = tensor ?? previous else { continue }
      let type = try type(shown)
      let before = tensor == nil ? nil : try previous.map { try self.type($0) }
      changes.append(
        TensorChange(
          checkpoint: try reference(checkpoint), kind: tensor == nil ? .removed : before == nil ? .added : .changed,
          dtype: type.dtype, shape: type.shape, digest: try tensor.flatMap { try digest($0.storage) },
          hasOtherBytes: tensor?.storage != previous?.storage || tensor?.byteOffset != previous?.byteOffset,
          previousDType: before.flatMap { $0.dtype == type.dtype ? nil : $0.dtype },
          previousShape: before.flatMap { $0.shape == type.shape ? nil : $0.shape }, versions: 1))
    }
    return changes.reversed()
  }
}
