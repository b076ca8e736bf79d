import Foundation
import GRDB

/// A tensor of a checkpoint, and where else its bytes are.
public struct ListedTensor: Sendable, Hashable {
  /// Its dotted path in the state.
  public var name: String
  /// The element type, by PyTorch's name without `torch.`.
  public var dtype: String
  /// Elements along each dimension.
  public var shape: [Int]
  /// Elements between neighbours along each dimension.
  public var strides: [Int]
  /// Where it starts in its storage, in bytes.
  public var byteOffset: Int
  /// In how many other checkpoints the same bytes are, under whatever name: the same range of a storage of the same
  /// content.
  public var otherCheckpoints: Int
  /// The oldest of the checkpoints that have these bytes.
  public var firstSeen: CheckpointReference
}

extension Repository {
  /// The tensors of a checkpoint, in its order, each with in how many other checkpoints the same bytes are.
  ///
  /// Read from the index alone. A checkpoint whose manifest cannot be read has none.
  ///
  /// - Parameter glob: Only those whose names match.
  ///
  /// Throws ``CairnError`` as ``checkpoint(_:)`` does.
  public func tensors(
    of name: PathName, matching glob: Glob? = nil
  ) throws -> (checkpoint: CheckpointRecord, tensors: [ListedTensor]) {
    let found = try read { db in
      try Self.find(name, in: db).map { ($0, try TensorLister(db).tensors(of: $0, matching: glob)) }
    }
    if let found { return found }
    // Says why there is none.
    return (try checkpoint(name), [])
  }
}

/// Works out where else a checkpoint's tensors are.
private struct TensorLister {
  private let db: Database
  private var rows: TensorRows

  init(_ db: Database) {
    self.db = db
    rows = TensorRows(db)
  }

  func tensors(of record: CheckpointRecord, matching glob: Glob?) throws -> [ListedTensor] {
    var lister = self
    return try lister.list(record, glob)
  }

  private mutating func list(_ record: CheckpointRecord, _ glob: Glob?) throws -> [ListedTensor] {
    let packed = try Data.fetchOne(
      db,
      sql: "SELECT l.tensors FROM checkpoint c JOIN manifest_lists l ON l.manifest_id = c.manifest_id WHERE c.uid = ?",
      arguments: [record.id])
    var tensors = try rows.rows(packed.map { try PackedIDs.decode($0) } ?? [])
    if let glob { tensors = try tensors.filter { glob.matches(try rows.name($0.name)) } }
    let manifests = try sharers(of: tensors)
    guard let range = Self.range(manifests) else { return [] }
    let uses = try ManifestUses(range, db)
    var references: [Int64: CheckpointReference] = [:]
    // Neighbours that never changed apart have the same list.
    var last: (list: [Int64], use: ManifestUses.Use)?
    return try zip(tensors, manifests).map { tensor, list in
      let use = last?.list == list ? last?.use ?? uses.use(of: list) : uses.use(of: list)
      last = (list, use)
      let first = try references[use.first] ?? CheckpointReference(row: use.first, db)
      references[use.first] = first
      let type = try rows.type(tensor.type)
      return ListedTensor(
        name: try rows.name(tensor.name), dtype: type.dtype, shape: type.shape, strides: type.strides,
        byteOffset: tensor.byteOffset, otherCheckpoints: use.count - 1, firstSeen: first)
    }
  }

  /// For each tensor, the manifests that have its bytes.
  private mutating func sharers(of tensors: [TensorRows.Row]) throws -> [[Int64]] {
    let all = try rows.rows(ofStorages: Set(tensors.map(\.storage)))
    let byStorage = Dictionary(grouping: all) { $0.storage }
    return try tensors.map { tensor in
      let views = byStorage[tensor.storage] ?? []
      if views.count == 1 { return try rows.manifests(of: views[0]) }
      let type = try rows.type(tensor.type)
      let same = try views.filter {
        try $0.byteOffset == tensor.byteOffset && ($0.type == tensor.type || rows.type($0.type).covers(type))
      }
      return try rows.manifests(of: same)
    }
  }

  private static func range(_ lists: [[Int64]]) -> ClosedRange<Int64>? {
    guard let first = lists.lazy.compactMap(\.first).min(), let last = lists.lazy.compactMap(\.last).max() else {
      return nil
    }
    return first...last
  }
}
