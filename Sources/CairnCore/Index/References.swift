import Foundation
import GRDB

/// The counts, each the number of rows one level up whose own count is above 0, and the lists that say which rows these
/// are.
///
/// Only a row that rises from 0 or falls to 0 touches the level below it.
struct References {
  let db: Database

  /// Counts what a manifest lists that has risen from 0.
  func retain(tensors: [Int64], storages: [Int64], of manifest: Int64) throws {
    try change(tensors: tensors, storages: storages, of: manifest, by: 1)
  }

  func retainBlob(_ id: Int64) throws { try change(blobs: [id], by: 1) }

  /// Takes one reference from a manifest; one that falls to 0 lets go of all that it lists.
  func releaseManifest(_ id: Int64) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE manifest SET refs = refs - 1 WHERE id = ? RETURNING refs, blob_id")
    guard let row = try Row.fetchOne(statement, arguments: [id]), row[0] as Int == 0 else { return }
    let find = try db.cachedStatement(sql: "SELECT tensors, storages FROM manifest_lists WHERE manifest_id = ?")
    if let lists = try Row.fetchOne(find, arguments: [id]) {
      try change(
        tensors: PackedIDs.decode(lists[0] as Data), storages: PackedIDs.decode(lists[1] as Data), of: id, by: -1)
    }
    try change(blobs: [row[1]], by: -1)
  }

  private func change(tensors: [Int64], storages: [Int64], of manifest: Int64, by step: Int) throws {
    let find = try db.cachedStatement(sql: "SELECT refs, storage_id, manifests, name_id FROM tensor WHERE id = ?")
    let update = try db.cachedStatement(sql: "UPDATE tensor SET refs = ?, manifests = ? WHERE id = ?")
    let lists = RecentIDs(db: db, kind: .manifestsOfTensor)
    var touched: [Int64] = []
    for id in tensors {
      guard let row = try Row.fetchOne(find, arguments: [id]) else { continue }
      let refs = row[0] as Int + step
      let storage: Int64 = row[1]
      var manifests = try PackedIDs.decode(row[2] as Data)
      if step > 0 {
        try lists.add(manifest, to: &manifests, of: id)
      } else {
        try lists.remove(manifest, from: &manifests, of: id)
      }
      try update.execute(arguments: [refs, PackedIDs.encode(manifests).data, id])
      guard turned(refs, step) else { continue }
      touched.append(storage)
      try change(tensor: id, ofName: row[3], by: step)
    }
    try change(storages: touched, by: step)
    let loose = IDLists(db: db, table: .storageManifests)
    for storage in storages {
      if step > 0 {
        try loose.insert(CollectionOfOne(manifest), into: storage)
      } else {
        try loose.remove(manifest, from: storage)
      }
    }
    try change(storages: storages, by: step)
  }

  private func change(tensor: Int64, ofName name: Int64, by step: Int) throws {
    let find = try db.cachedStatement(sql: "SELECT tensors FROM tensor_name WHERE id = ?")
    guard var own = try Data.fetchOne(find, arguments: [name]).map({ try PackedIDs.decode($0) }) else { return }
    let lists = RecentIDs(db: db, kind: .tensorsOfName)
    if step > 0 {
      try lists.add(tensor, to: &own, of: name)
    } else {
      try lists.remove(tensor, from: &own, of: name)
    }
    try db.cachedStatement(sql: "UPDATE tensor_name SET tensors = ? WHERE id = ?")
      .execute(arguments: [PackedIDs.encode(own).data, name])
  }

  private func change(storages: [Int64], by step: Int) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE storage SET refs = refs + ? WHERE id = ? RETURNING refs, blobs")
    for id in storages {
      guard let row = try Row.fetchOne(statement, arguments: [step, id]), turned(row[0], step) else { continue }
      let blobs = Set(try PackedIDs.decode(row[1] as Data)).sorted()
      if blobs.count > 1 {
        let lists = IDLists(db: db, table: .blobStorages)
        for blob in blobs {
          if step > 0 { try lists.insert(CollectionOfOne(id), into: blob) } else { try lists.remove(id, from: blob) }
        }
      }
      try change(blobs: blobs, by: step)
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
