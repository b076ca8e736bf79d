import Foundation
import GRDB

extension Repository {
  /// How many bytes of each checkpoint its parent has too, by the checkpoint's id.
  ///
  /// Counted in whole blobs, from the index alone: of a storage that both have, all; of one that differs, the blobs that
  /// it has in common with those of the parent's storages that this checkpoint has not. Absent are checkpoints without a
  /// parent, those whose parent has been removed, and those of which one of the manifests cannot be read.
  public func bytesSharedWithParent(_ records: [CheckpointRecord]) throws -> [String: Int] {
    try read { db in
      var lists = try SharedStorages(db)
      var shared: [String: Int] = [:]
      for record in records {
        guard let parent = record.parent, let own = try lists.list(ofID: record.id),
          let others = try lists.list(ofID: parent)
        else { continue }
        shared[record.id] =
          own.manifest == others.manifest ? record.size : min(try lists.common(own, others), record.size)
      }
      return shared
    }
  }
}

/// Compares what manifests list: only the tensors that one has and the other has not are looked at.
private struct SharedStorages {
  private let db: Database
  private var manifests: [String: Manifest] = [:]
  private let storageOfTensor: RawRows
  private let tensorsOfStorage: RawRows
  private let storages: RawRows
  private let blobsOfSeveral: RawRows

  /// How many manifests are remembered: neighbours in a listing are most often parent and child.
  private static let mostManifests = 64

  struct Manifest {
    var manifest: Int64
    /// Sorted, as those below.
    var tensors: [Int64]
    /// The storages that no tensor names.
    var loose: [Int64]
    /// The bytes of all its storages.
    var bytes: Int
  }

  private struct Storage {
    var size: Int
    var blobs: [Int64]
  }

  init(_ db: Database) throws {
    self.db = db
    storageOfTensor = try RawRows(db, "SELECT id, storage_id FROM tensor WHERE id BETWEEN ? AND ?")
    tensorsOfStorage = try RawRows(db, "SELECT storage_id, id FROM tensor WHERE storage_id BETWEEN ? AND ?")
    storages = try RawRows(db, "SELECT id, size, blobs FROM storage WHERE id BETWEEN ? AND ?")
    blobsOfSeveral = try RawRows(db, "SELECT blob_id FROM blob_storages WHERE blob_id BETWEEN ? AND ?")
  }

  mutating func list(ofID id: String) throws -> Manifest? {
    if let known = manifests[id] { return known }
    let statement = try db.cachedStatement(
      sql: """
        SELECT m.id, m.storage_bytes, l.tensors, l.storages FROM checkpoint c JOIN manifest m ON m.id = c.manifest_id
          JOIN manifest_lists l ON l.manifest_id = m.id WHERE c.uid = ? AND m.state <> ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [id, ManifestState.unreadable.rawValue]) else { return nil }
    if manifests.count >= Self.mostManifests { manifests = [:] }
    let list = try Manifest(
      manifest: row.value(0), tensors: try PackedIDs.decode(row.value(2) as Data).sorted(),
      loose: try PackedIDs.decode(row.value(3) as Data).sorted(), bytes: row.value(1))
    manifests[id] = list
    return list
  }

  /// The bytes of the blobs that both have.
  func common(_ own: Manifest, _ others: Manifest) throws -> Int {
    let changed = try storages(in: own, notIn: others)
    var shared = changed.values.reduce(own.bytes) { $0 &- $1.size }
    guard try mayShareBlobs(changed) else { return shared }
    let replaced = Set(try storages(in: others, notIn: own).values.lazy.flatMap(\.blobs))
    let size = try db.cachedStatement(sql: "SELECT size FROM blob WHERE id = ?")
    for blob in changed.values.lazy.flatMap(\.blobs) where replaced.contains(blob) {
      shared &+= try Int.fetchOne(size, arguments: [blob]) ?? 0
    }
    return shared
  }

  /// The storages that one manifest lists and the other does not.
  private func storages(in own: Manifest, notIn others: Manifest) throws -> [Int64: Storage] {
    var ids = Set(Self.difference(own.loose, others.loose))
    let tensors = Self.difference(own.tensors, others.tensors)
    try inRuns(tensors, storageOfTensor) { id, row in ids.insert(row.integer(1)) }
    // A storage may be there under another tensor, or under none.
    var kept = ids.filter { Self.contains(others.loose, $0) }
    try inRuns(ids.sorted(), tensorsOfStorage) { id, row in
      if Self.contains(others.tensors, row.integer(1)) { kept.insert(id) }
    }
    var found: [Int64: Storage] = [:]
    try inRuns(ids.subtracting(kept).sorted(), storages) { id, row in
      found[id] = Storage(size: Int(row.integer(1)), blobs: try PackedIDs.decode(row.bytes(2)))
    }
    return found
  }

  /// Whether any of their blobs can be in another storage: most have a single one that is in no other.
  private func mayShareBlobs(_ storages: [Int64: Storage]) throws -> Bool {
    if storages.values.contains(where: { $0.blobs.count > 1 }) { return true }
    var found = false
    try inRuns(storages.values.flatMap(\.blobs).sorted(), blobsOfSeveral) { _, _ in found = true }
    return found
  }

  /// What is in the first of two sorted lists alone.
  private static func difference(_ list: [Int64], _ other: [Int64]) -> [Int64] {
    var at = other.startIndex
    return list.filter { id in
      while at < other.endIndex, other[at] < id { at += 1 }
      return at == other.endIndex || other[at] != id
    }
  }

  /// Whether a sorted list has an id.
  private static func contains(_ list: [Int64], _ id: Int64) -> Bool {
    var (low, high) = (0, list.count)
    while low < high {
      let middle = (low + high) / 2
      if list[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < list.count && list[low] == id
  }

  /// Calls `body` with the rows of ids, which are sorted: those that one save made lie side by side, and a few rows more
  /// are cheaper than another query.
  private func inRuns(_ ids: [Int64], _ rows: RawRows, _ body: (Int64, RawRows.Row) throws -> Void) throws {
    var start = ids.startIndex
    while start < ids.endIndex {
      var end = start + 1
      while end < ids.endIndex, UInt64(bitPattern: ids[end] &- ids[end - 1]) <= 4 { end += 1 }
      var at = start
      try rows.forEach(from: ids[start], to: ids[end - 1]) { row in
        let id = row.integer(0)
        while at < end - 1, ids[at] < id { at += 1 }
        if ids[at] == id { try body(id, row) }
      }
      start = end
    }
  }
}
