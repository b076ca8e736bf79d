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

  /// How many manifests a tensor's own row lists at most.
  static let ownListLimit = 64

  /// Counts what a manifest lists that has risen from 0.
  func retain(tensors: [Int64], storages: [Int64], of manifest: Int64) throws {
    try change(tensors: tensors, storages: storages, of: manifest, by: 1)
  }

  func retainBlob(_ id: Int64) throws { try change(blobs: [id], by: 1) }

  /// Takes one reference from a manifest; one that falls to 0 lets go of all that it lists.
  func releaseManifest(_ id: Int64) throws {
    let statement = try db.cachedStatement(
      sql: "UPDATE manifest SET refs = refs - 1 WHERE id = ? RETURNING refs, blob_id, tensors, storages")
    guard let row = try Row.fetchOne(statement, arguments: [id]), row[0] as Int == 0 else { return }
    try change(
      tensors: PackedIDs.decode(row[2] as Data), storages: PackedIDs.decode(row[3] as Data), of: id, by: -1)
    try change(blobs: [row[1]], by: -1)
  }

  private func change(tensors: [Int64], storages: [Int64], of manifest: Int64, by step: Int) throws {
    let find = try statements["SELECT refs, storage_id, manifests FROM tensor WHERE id = ?"]
    let update = try statements["UPDATE tensor SET refs = ?, manifests = ? WHERE id = ?"]
    var touched: [Int64] = []
    for id in tensors {
      try find.bind(1, id)
      let row = try find.first { row in
        (Int(row.integer(0)), row.integer(1), try row.withBytes(2) { try PackedIDs.decode($0) })
      }
      guard let (count, storage, list) = row else { continue }
      let refs = count + step
      var manifests = list
      if step > 0 {
        try add(manifest, to: &manifests, tensor: id)
      } else if let place = manifests.firstIndex(of: manifest) {
        manifests.remove(at: place)
      } else {
        try IDLists(db: db, table: .tensorManifests).remove(manifest, from: id)
      }
      try update.bind(1, refs)
      try update.bind(2, PackedIDs.encode(manifests))
      try update.bind(3, id)
      try update.run()
      if turned(refs, step) { touched.append(storage) }
    }
    try change(storages: touched, by: step)
    let lists = IDLists(db: db, table: .storageManifests)
    for storage in storages {
      if step > 0 {
        try lists.insert(CollectionOfOne(manifest), into: storage)
      } else {
        try lists.remove(manifest, from: storage)
      }
    }
    try change(storages: storages, by: step)
  }

  private func add(_ manifest: Int64, to manifests: inout [Int64], tensor: Int64) throws {
    // One that could not be read for a while comes later than its number says.
    let place = manifests.lastIndex { $0 < manifest }.map { $0 + 1 } ?? 0
    manifests.insert(manifest, at: place)
    guard manifests.count > Self.ownListLimit else { return }
    try IDLists(db: db, table: .tensorManifests).insert(manifests.dropLast(), into: tensor)
    manifests.removeSubrange(..<(manifests.count - 1))
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
