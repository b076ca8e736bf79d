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
      var lists = StorageLists(db: db)
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

/// What manifests list, read once each: neighbours in a listing are most often parent and child.
private struct StorageLists {
  let db: Database
  private var manifests: [String: Manifest] = [:]
  /// The storage of a tensor.
  private var storageOfTensor: [Int64: Int64] = [:]
  private var storages: [Int64: Storage] = [:]

  /// How many rows are remembered: a log of 10,000 checkpoints is as long as it likes.
  private static let mostRows = 500_000

  struct Manifest {
    var manifest: Int64
    /// Its storages, each once, in order.
    var storages: [Int64]
  }

  private struct Storage {
    var size: Int
    var blobs: Data
  }

  init(db: Database) { self.db = db }

  mutating func list(ofID id: String) throws -> Manifest? {
    if let known = manifests[id] { return known }
    let statement = try db.cachedStatement(
      sql: """
        SELECT m.id, m.tensors, m.storages FROM checkpoint c JOIN manifest m ON m.id = c.manifest_id
        WHERE c.uid = ? AND m.state <> ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [id, ManifestState.unreadable.rawValue]) else { return nil }
    if manifests.count >= 64 { manifests = [:] }
    let named = try storages(ofTensors: PackedIDs.decode(row[1] as Data))
    let all = Set(named + (try PackedIDs.decode(row[2] as Data)))
    let list = Manifest(manifest: row[0], storages: all.sorted())
    manifests[id] = list
    return list
  }

  mutating func common(_ own: Manifest, _ others: Manifest) throws -> Int {
    if storages.count > Self.mostRows { storages = [:] }
    try loadStorages(own.storages)
    let changed = Self.difference(own.storages, others.storages)
    let bytes = own.storages.reduce(0) { $0 + (storages[$1]?.size ?? 0) }
    var shared = changed.reduce(bytes) { $0 - (storages[$1]?.size ?? 0) }
    if changed.isEmpty { return shared }
    let replaced = Self.difference(others.storages, own.storages)
    try loadStorages(replaced)
    var blobs: Set<Int64> = []
    for id in replaced { blobs.formUnion(try PackedIDs.decode(storages[id]?.blobs ?? Data())) }
    let size = try db.cachedStatement(sql: "SELECT size FROM blob WHERE id = ?")
    for id in changed {
      for blob in try PackedIDs.decode(storages[id]?.blobs ?? Data()) where blobs.contains(blob) {
        shared += try Int.fetchOne(size, arguments: [blob]) ?? 0
      }
    }
    return shared
  }

  /// What is in the first of two sorted lists alone.
  private static func difference(_ list: [Int64], _ other: [Int64]) -> [Int64] {
    var at = other.startIndex
    return list.filter { id in
      while at < other.endIndex, other[at] < id { at += 1 }
      return at == other.endIndex || other[at] != id
    }
  }

  private mutating func storages(ofTensors tensors: [Int64]) throws -> [Int64] {
    if storageOfTensor.count > Self.mostRows { storageOfTensor = [:] }
    let statement = try db.cachedStatement(sql: "SELECT id, storage_id FROM tensor WHERE id BETWEEN ? AND ?")
    for run in runs(tensors.filter { storageOfTensor[$0] == nil }) {
      let rows = try Row.fetchCursor(statement, arguments: [run.lowerBound, run.upperBound])
      while let row = try rows.next() { storageOfTensor[row[0]] = row[1] }
    }
    return tensors.compactMap { storageOfTensor[$0] }
  }

  private mutating func loadStorages(_ ids: [Int64]) throws {
    let statement = try db.cachedStatement(sql: "SELECT id, size, blobs FROM storage WHERE id BETWEEN ? AND ?")
    for run in runs(ids.filter { storages[$0] == nil }) {
      let rows = try Row.fetchCursor(statement, arguments: [run.lowerBound, run.upperBound])
      while let row = try rows.next() { storages[row[0]] = Storage(size: row[1], blobs: row[2]) }
    }
  }

  /// Ids as ranges: rows that one save made lie side by side.
  private func runs(_ ids: some Sequence<Int64>) -> [ClosedRange<Int64>] {
    var runs: [ClosedRange<Int64>] = []
    for id in ids.sorted() {
      // A few rows more are cheaper than another query.
      if let last = runs.last, id - last.upperBound <= 4 {
        runs[runs.count - 1] = last.lowerBound...id
      } else {
        runs.append(id...id)
      }
    }
    return runs
  }
}
