import Foundation
import GRDB

/// The counts: each is the number of rows one level up whose own count is above 0.
///
/// Only a row that rises from 0 or falls to 0 touches the level below it.
struct References {
  let db: Database

  func retain(tensors: [Int64], storages: [Int64]) throws {
    try change(tensors: tensors, storages: storages, by: 1)
  }

  func retainBlob(_ id: Int64) throws { try change(blobs: [id], by: 1) }

  /// Takes one reference from a manifest; one that falls to 0 lets go of all that it lists.
  func releaseManifest(_ id: Int64) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE manifest SET refs = refs - 1 WHERE id = ? RETURNING refs, blob_id, tensors, storages")
    guard let row = try Row.fetchOne(statement, arguments: [id]), row[0] as Int == 0 else { return }
    try change(tensors: PackedIDs.decode(row[2] as Data), storages: PackedIDs.decode(row[3] as Data), by: -1)
    try change(blobs: [row[1]], by: -1)
  }

  private func change(tensors: [Int64], storages: [Int64], by step: Int) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE tensor SET refs = refs + ? WHERE id = ? RETURNING refs, storage_id")
    var touched: [Int64] = []
    for id in tensors {
      if let row = try Row.fetchOne(statement, arguments: [step, id]), turned(row[0], step) { touched.append(row[1]) }
    }
    try change(storages: touched + storages, by: step)
  }

  private func change(storages: [Int64], by step: Int) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE storage SET refs = refs + ? WHERE id = ? RETURNING refs, blobs")
    for id in storages {
      if let row = try Row.fetchOne(statement, arguments: [step, id]), turned(row[0], step) {
        try change(blobs: Set(PackedIDs.decode(row[1] as Data)).sorted(), by: step)
      }
    }
  }

  private func change(blobs: [Int64], by step: Int) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE blob SET refs = refs + ? WHERE id = ? RETURNING refs, pack_id")
    for id in blobs {
      guard let row = try Row.fetchOne(statement, arguments: [step, id]), turned(row[0], step) else { continue }
      if let pack = row[1] as Int64? {
        try db.cachedStatement(sql: "UPDATE pack SET refs = refs + ? WHERE id = ?").execute(arguments: [step, pack])
      }
    }
  }

  /// Whether a count that is now `refs` after a change by `step` has just risen from 0 or fallen to it.
  private func turned(_ refs: Int, _ step: Int) -> Bool { step > 0 ? refs == 1 : refs == 0 }
}
