import Foundation
import GRDB

/// Counts all references from the rows themselves, to compare with the counts that are kept.
struct Recount {
  /// Rows whose count is not what it should be.
  private(set) var wrong: [String] = []

  init(_ db: Database) throws {
    var tensors: [Int64: Int] = [:]
    var storages: [Int64: Int] = [:]
    var blobs: [Int64: Int] = [:]
    var packs: [Int64: Int] = [:]
    var manifests: [Int64: Int] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT manifest_id, count(*) FROM checkpoint GROUP BY manifest_id") {
      manifests[row[0]] = row[1]
    }
    let rows = try Row.fetchCursor(db, sql: "SELECT id, refs, blob_id, tensors, storages FROM manifest")
    while let row = try rows.next() {
      check("manifest", row[0], row[1], manifests)
      guard manifests[row[0], default: 0] > 0 else { continue }
      blobs[row[2], default: 0] += 1
      for id in try PackedIDs.decode(row[3] as Data) { tensors[id, default: 0] += 1 }
      for id in try PackedIDs.decode(row[4] as Data) { storages[id, default: 0] += 1 }
    }
    let tensorRows = try Row.fetchCursor(db, sql: "SELECT id, refs, storage_id FROM tensor")
    while let row = try tensorRows.next() {
      check("tensor", row[0], row[1], tensors)
      if tensors[row[0], default: 0] > 0 { storages[row[2], default: 0] += 1 }
    }
    let storageRows = try Row.fetchCursor(db, sql: "SELECT id, refs, blobs FROM storage")
    while let row = try storageRows.next() {
      check("storage", row[0], row[1], storages)
      if storages[row[0], default: 0] > 0 {
        for id in Set(try PackedIDs.decode(row[2] as Data)) { blobs[id, default: 0] += 1 }
      }
    }
    let blobRows = try Row.fetchCursor(db, sql: "SELECT id, refs, pack_id FROM blob")
    while let row = try blobRows.next() {
      check("blob", row[0], row[1], blobs)
      if blobs[row[0], default: 0] > 0, let pack = row[2] as Int64? { packs[pack, default: 0] += 1 }
    }
    let packRows = try Row.fetchCursor(db, sql: "SELECT id, refs FROM pack")
    while let row = try packRows.next() { check("pack", row[0], row[1], packs) }
  }

  private mutating func check(_ table: String, _ id: Int64, _ kept: Int, _ counted: [Int64: Int]) {
    let count = counted[id, default: 0]
    if kept != count { wrong.append("\(table) \(id): its count is \(kept), and there are \(count)") }
  }
}
