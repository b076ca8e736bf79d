import Foundation
import GRDB

/// The counts, each the number of rows one level up whose own count is above 0, and the lists that say which rows these
/// are.
///
/// Only a row that rises from 0 or falls to 0 touches the level below it.
struct References {
  let db: Database
  private let statements: RapidStatements

  init(db: Database) {
    self.db = db
    statements = RapidStatements(db)
  }

  /// Counts what a manifest lists that has risen from 0.
  func retain(tensors: [Int64], storages: [Int64], of manifest: Int64) throws {
    try change(tensors: tensors, storages: storages, of: manifest, by: 1)
  }

  func retainBlob(_ id: Int64) throws { try change(blobs: [id], by: 1) }

  /// Takes one reference from a manifest; one that falls to 0 lets go of all that it lists.
  func releaseManifest(_ id: Int64) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE manifest SET refs = refs - 1 WHERE id = ? RETURNING refs, blob_id")
    guard let row = try Row.fetchOne(statement, arguments: [id]), try row.value(0) as Int == 0 else { return }
    let find = try db.cachedStatement(sql: "SELECT tensors, storages FROM manifest_lists WHERE manifest_id = ?")
    if let lists = try Row.fetchOne(find, arguments: [id]) {
      try change(
        tensors: PackedIDs.decode(lists[0] as Data), storages: PackedIDs.decode(lists[1] as Data), of: id, by: -1)
    }
    try change(blobs: [row.value(1)], by: -1)
  }

  private func change(tensors: [Int64], storages: [Int64], of manifest: Int64, by step: Int) throws {
    let find = try statements["SELECT refs, storage_id, manifests, name_id FROM tensor WHERE id = ?"]
    let update = try statements["UPDATE tensor SET refs = ?, manifests = ? WHERE id = ?"]
    let lists = RecentIDs(db: db, kind: .manifestsOfTensor)
    var touched: [Int64] = []
    for id in tensors {
      try find.bind(1, id)
      let row = try find.first { row in
        (Int(row.integer(0)), row.integer(1), try row.withBytes(2) { try PackedIDs.decode($0) }, row.integer(3))
      }
      guard let (count, storage, list, name) = row else { continue }
      let refs = count + step
      var manifests = list
      if step > 0 {
        try lists.add(manifest, to: &manifests, of: id)
      } else {
        try lists.remove(manifest, from: &manifests, of: id)
      }
      try update.bind(1, refs)
      try update.bind(2, PackedIDs.encode(manifests))
      try update.bind(3, id)
      try update.run()
      guard turned(refs, step) else { continue }
      touched.append(storage)
      try change(tensor: id, ofName: name, by: step)
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
    let find = try statements["SELECT tensors FROM tensor_name WHERE id = ?"]
    try find.bind(1, name)
    guard var own = try find.first({ row in try row.withBytes(0) { try PackedIDs.decode($0) } }) else { return }
    let lists = RecentIDs(db: db, kind: .tensorsOfName)
    if step > 0 {
      try lists.add(tensor, to: &own, of: name)
    } else {
      try lists.remove(tensor, from: &own, of: name)
    }
    let update = try statements["UPDATE tensor_name SET tensors = ? WHERE id = ?"]
    try update.bind(1, PackedIDs.encode(own))
    try update.bind(2, name)
    try update.run()
  }

  private func change(storages: [Int64], by step: Int) throws {
    let statement = try statements["UPDATE storage SET refs = refs + ? WHERE id = ? RETURNING refs, blobs"]
    var touched: [Int64] = []
    for id in storages {
      try statement.bind(1, step)
      try statement.bind(2, id)
      let list = try statement.first { row in
        turned(Int(row.integer(0)), step) ? try row.withBytes(1) { try PackedIDs.decode($0) } : []
      }
      guard var blobs = list else { continue }
      if blobs.count > 1 {
        blobs = Set(blobs).sorted()
        if blobs.count > 1 {
          let lists = IDLists(db: db, table: .blobStorages)
          for blob in blobs {
            if step > 0 { try lists.insert(CollectionOfOne(id), into: blob) } else { try lists.remove(id, from: blob) }
          }
        }
      }
      touched += blobs
    }
    try change(blobs: touched, by: step)
  }

  private func change(blobs: [Int64], by step: Int) throws {
    let statement = try statements["UPDATE blob SET refs = refs + ? WHERE id = ? RETURNING refs, pack_id"]
    var packs: [Int64: Int] = [:]
    for id in blobs {
      try statement.bind(1, step)
      try statement.bind(2, id)
      let pack = try statement.first { turned(Int($0.integer(0)), step) ? $0.optionalInteger(1) : nil }
      if let pack = pack ?? nil { packs[pack, default: 0] += step }
    }
    for (pack, change) in packs {
      try db.cachedStatement(sql: "UPDATE pack SET refs = refs + ? WHERE id = ?").execute(arguments: [change, pack])
    }
  }

  /// Whether a count that is now `refs` after a change by `step` has just risen from 0 or fallen to it.
  private func turned(_ refs: Int, _ step: Int) -> Bool { step > 0 ? refs == 1 : refs == 0 }
}
