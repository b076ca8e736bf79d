import Foundation
import GRDB

/// A tensor of some name, type and bytes, and which checkpoints have it so.
public struct TensorOccurrence: Sendable, Hashable {
  /// Its dotted path in the state.
  public var name: String
  /// The element type, by PyTorch's name without `torch.`.
  public var dtype: String
  /// Elements along each dimension.
  public var shape: [Int]
  /// The digest of its storage's bytes, if that is a single blob.
  public var digest: Digest?
  /// How many checkpoints have it.
  public var checkpoints: Int
  /// The oldest of them.
  public var first: CheckpointReference
  /// The newest of them.
  public var last: CheckpointReference
}

/// The tensors that a name or a blob leads to.
public struct TensorOccurrences: Sendable, Hashable {
  /// Those found, up to the limit.
  public var tensors: [TensorOccurrence]
  /// Whether there are more.
  public var isCutShort: Bool
}

/// Turns tensors' rows into occurrences.
struct OccurrenceFinder {
  private let db: Database
  private(set) var rows: TensorRows
  private var references: [Int64: CheckpointReference] = [:]

  init(_ db: Database) {
    self.db = db
    rows = TensorRows(db)
  }

  mutating func occurrences(of tensors: [TensorRows.Row]) throws -> [TensorOccurrence] {
    let lists = try tensors.map { try rows.manifests(of: $0) }
    guard let first = lists.lazy.compactMap(\.first).min(), let last = lists.lazy.compactMap(\.last).max() else {
      return []
    }
    let uses = try ManifestUses(first...last, db)
    return try zip(tensors, lists).map { tensor, list in
      let use = uses.use(of: list)
      let type = try rows.type(tensor.type)
      return TensorOccurrence(
        name: try rows.name(tensor.name), dtype: type.dtype, shape: type.shape, digest: try digest(tensor.storage),
        checkpoints: use.count, first: try reference(use.first), last: try reference(use.last))
    }
  }

  mutating func type(_ tensor: TensorRows.Row) throws -> TensorRows.TensorType { try rows.type(tensor.type) }

  mutating func reference(_ id: Int64) throws -> CheckpointReference {
    if let known = references[id] { return known }
    let reference = try CheckpointReference(row: id, db)
    references[id] = reference
    return reference
  }

  func digest(_ storage: Int64) throws -> Digest? {
    let find = try db.cachedStatement(sql: "SELECT blobs FROM storage WHERE id = ?")
    let blobs = try Data.fetchOne(find, arguments: [storage]).map { try PackedIDs.decode($0) }
    guard let blobs, blobs.count == 1 else { return nil }
    let name = try db.cachedStatement(sql: "SELECT digest FROM blob WHERE id = ?")
    return try Data.fetchOne(name, arguments: [blobs[0]]).flatMap { Digest(bytes: $0) }
  }
}

extension Repository {
  /// The tensors whose names match, over all checkpoints: one for each name, type and content, by name, and of a name
  /// those whose bytes came last first.
  ///
  /// - Parameter limit: How many at most. Where several names match, each gets its share.
  public func occurrences(ofTensors glob: Glob, limit: Int) throws -> TensorOccurrences {
    try read { db in
      var finder = OccurrenceFinder(db)
      var found: [TensorRows.Row] = []
      var isCutShort = false
      let names = try finder.rows.names(matching: glob)
      for (index, name) in names.enumerated() {
        let room = max(limit - found.count, 0)
        let share = max(room / (names.count - index), min(room, 1))
        // One more, to see whether there is one.
        let tensors = try finder.rows.rows(ofName: name.id, limit: share + 1)
        if tensors.count > share { isCutShort = true }
        found += tensors.prefix(share)
        if room == 0, isCutShort { break }
      }
      return TensorOccurrences(tensors: try finder.occurrences(of: found), isCutShort: isCutShort)
    }
  }
}
