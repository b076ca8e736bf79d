import Foundation
import GRDB

/// The lists that lead back, worked out from those that lead forward: for an index made before there were any, and to
/// compare with the lists that are kept.
struct LookupLists {
  /// For each tensor, the manifests that list it.
  var tensors: [Int64: PackedIDs] = [:]
  /// For each storage that a manifest lists by itself, these manifests.
  var storages: [Int64: PackedIDs] = [:]
  /// For each blob of a storage of several, these storages.
  var blobs: [Int64: PackedIDs] = [:]

  /// A manifest that is needed, in the order of their ids.
  mutating func add(manifest: Int64, tensors listed: [Int64], storages alone: [Int64]) {
    for id in listed { tensors[id, default: PackedIDs()].append(manifest) }
    for id in alone { storages[id, default: PackedIDs()].append(manifest) }
  }

  /// A storage that is needed, in the order of their ids, and its distinct blobs.
  mutating func add(storage: Int64, blobs ids: Set<Int64>) {
    guard ids.count > 1 else { return }
    for id in ids { blobs[id, default: PackedIDs()].append(storage) }
  }

  /// Fills the lists of an index that has none, from what its rows say.
  static func fill(_ db: Database) throws {
    var lists = LookupLists()
    let manifests = try Row.fetchCursor(
      db, sql: "SELECT id, tensors, storages FROM manifest WHERE refs > 0 ORDER BY id")
    while let row = try manifests.next() {
      lists.add(
        manifest: row[0], tensors: try PackedIDs.decode(row[1] as Data),
        storages: try PackedIDs.decode(row[2] as Data))
    }
    let storages = try Row.fetchCursor(db, sql: "SELECT id, blobs FROM storage WHERE refs > 0 ORDER BY id")
    while let row = try storages.next() {
      lists.add(storage: row[0], blobs: Set(try PackedIDs.decode(row[1] as Data)))
    }
    let update = try db.cachedStatement(sql: "UPDATE tensor SET manifests = ? WHERE id = ?")
    for (id, list) in lists.tensors.sorted(by: { $0.key < $1.key }) {
      if list.count <= References.ownListLimit {
        try update.execute(arguments: [list.bytes.data, id])
        continue
      }
      let ids = try PackedIDs.decode(list.bytes)
      let own = References.ownListLimit / 2
      try insert(ids.dropLast(own), into: id, IDLists(db: db, table: .tensorManifests))
      try update.execute(arguments: [PackedIDs.encode(ids.suffix(own)).data, id])
    }
    try fill(.storageManifests, lists.storages, db)
    try fill(.blobStorages, lists.blobs, db)
  }

  private static func fill(_ table: IDLists.Table, _ lists: [Int64: PackedIDs], _ db: Database) throws {
    for (id, list) in lists.sorted(by: { $0.key < $1.key }) {
      try insert(try PackedIDs.decode(list.bytes)[...], into: id, IDLists(db: db, table: table))
    }
  }

  private static func insert(_ ids: ArraySlice<Int64>, into id: Int64, _ lists: IDLists) throws {
    var rest = ids
    while !rest.isEmpty {
      try lists.insert(rest.prefix(IDLists.pieceLimit), into: id)
      rest = rest.dropFirst(IDLists.pieceLimit)
    }
  }
}
