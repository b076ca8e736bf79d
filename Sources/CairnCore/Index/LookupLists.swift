import Foundation
import GRDB

/// The lists that lead back, worked out from those that lead forward: for an index made before there were any, and to
/// compare with the lists that are kept.
struct LookupLists {
  /// For each tensor, the manifests that list it.
  var tensors: [Int64: PackedIDs] = [:]
  /// For each name, the tensors that a manifest lists.
  var names: [Int64: PackedIDs] = [:]
  /// For each storage that a manifest lists by itself, these manifests.
  var storages: [Int64: PackedIDs] = [:]
  /// For each blob of a storage of several, these storages.
  var blobs: [Int64: PackedIDs] = [:]

  /// A manifest that is needed, in the order of their ids.
  mutating func add(manifest: Int64, tensors listed: [Int64], storages alone: [Int64]) {
    for id in listed { tensors[id, default: PackedIDs()].append(manifest) }
    for id in alone { storages[id, default: PackedIDs()].append(manifest) }
  }

  /// A tensor that is needed, in the order of their ids.
  mutating func add(tensor: Int64, name: Int64) { names[name, default: PackedIDs()].append(tensor) }

  /// A storage that is needed, in the order of their ids, and its distinct blobs.
  mutating func add(storage: Int64, blobs ids: Set<Int64>) {
    guard ids.count > 1 else { return }
    for id in ids { blobs[id, default: PackedIDs()].append(storage) }
  }

  /// Fills the lists of an index that has none, and what else there was no column for, from what its rows say.
  static func fill(_ db: Database) throws {
    var lists = LookupLists()
    let manifests = try Row.fetchCursor(
      db,
      sql: """
        SELECT m.id, l.tensors, l.storages FROM manifest m JOIN manifest_lists l ON l.manifest_id = m.id
        WHERE m.refs > 0 ORDER BY m.id
        """)
    while let row = try manifests.next() {
      try lists.add(
        manifest: row.value(0), tensors: PackedIDs.decode(row.value(1) as Data),
        storages: PackedIDs.decode(row.value(2) as Data))
    }
    let tensors = try Row.fetchCursor(db, sql: "SELECT id, name_id FROM tensor WHERE refs > 0 ORDER BY id")
    while let row = try tensors.next() { try lists.add(tensor: row.value(0), name: row.value(1)) }
    let setFirst = try db.cachedStatement(sql: "UPDATE storage SET first_blob = ? WHERE id = ?")
    for row in try Row.fetchAll(db, sql: "SELECT id, blobs, refs FROM storage ORDER BY id") {
      let blobs = try PackedIDs.decode(row.value(1) as Data)
      if try row.value(2) as Int > 0 { try lists.add(storage: row.value(0), blobs: Set(blobs)) }
      if let first = blobs.first { try setFirst.execute(arguments: [first, row.value(0) as Int64]) }
    }
    try fill(.manifestsOfTensor, lists.tensors, "UPDATE tensor SET manifests = ? WHERE id = ?", db)
    try fill(.tensorsOfName, lists.names, "UPDATE tensor_name SET tensors = ? WHERE id = ?", db)
    try fillStorageBytes(db)
    try fill(.storageManifests, lists.storages, db)
    try fill(.blobStorages, lists.blobs, db)
  }

  private static func fill(
    _ kind: RecentIDs.Kind, _ lists: [Int64: PackedIDs], _ sql: String, _ db: Database
  ) throws {
    let update = try db.cachedStatement(sql: sql)
    for (id, list) in lists.sorted(by: { $0.key < $1.key }) {
      let own = try RecentIDs(db: db, kind: kind).own(of: PackedIDs.decode(list.bytes), id)
      try update.execute(arguments: [PackedIDs.encode(own).data, id])
    }
  }

  private static func fillStorageBytes(_ db: Database) throws {
    var sizes: [Int64: Int] = [:]
    let storages = try Row.fetchCursor(db, sql: "SELECT id, size FROM storage")
    while let row = try storages.next() { try sizes[row.value(0)] = row.value(1) }
    var storageOfTensor: [Int64: Int64] = [:]
    let tensors = try Row.fetchCursor(db, sql: "SELECT id, storage_id FROM tensor")
    while let row = try tensors.next() { try storageOfTensor[row.value(0)] = row.value(1) }
    let update = try db.cachedStatement(sql: "UPDATE manifest SET storage_bytes = ? WHERE id = ?")
    let lists = try Row.fetchCursor(db, sql: "SELECT manifest_id, tensors, storages FROM manifest_lists")
    while let row = try lists.next() {
      var ids = Set(try PackedIDs.decode(row.value(2) as Data))
      for tensor in try PackedIDs.decode(row.value(1) as Data) {
        if let id = storageOfTensor[tensor] { ids.insert(id) }
      }
      try update.execute(arguments: [ids.reduce(0) { $0.adding(sizes[$1] ?? 0) }, row.value(0) as Int64])
    }
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
