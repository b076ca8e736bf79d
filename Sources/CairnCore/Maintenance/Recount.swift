import Foundation
import GRDB

/// Counts all references from the rows themselves, to compare with the counts and the lists that are kept.
struct Recount {
  /// Rows whose count or list is not what it should be.
  private(set) var wrong: [String] = []
  private var lookups = LookupLists()

  init(_ db: Database) throws {
    var tensors: [Int64: Int] = [:]
    var storages: [Int64: Int] = [:]
    var blobs: [Int64: Int] = [:]
    var packs: [Int64: Int] = [:]
    var manifests: [Int64: Int] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT manifest_id, count(*) FROM checkpoint GROUP BY manifest_id") {
      try manifests[row.value(0)] = row.value(1)
    }
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT m.id, m.refs, m.blob_id, coalesce(l.tensors, x''), coalesce(l.storages, x'')
        FROM manifest m LEFT JOIN manifest_lists l ON l.manifest_id = m.id ORDER BY m.id
        """)
    while let row = try rows.next() {
      try check("manifest", row.value(0), row.value(1), manifests)
      guard try manifests[row.value(0), default: 0] > 0 else { continue }
      try blobs[row.value(2), default: 0] += 1
      let listed = try PackedIDs.decode(row.value(3) as Data)
      let alone = try PackedIDs.decode(row.value(4) as Data)
      for id in listed { tensors[id, default: 0] += 1 }
      for id in alone { storages[id, default: 0] += 1 }
      try lookups.add(manifest: row.value(0), tensors: listed, storages: alone)
    }
    let inPieces = try Int64.fetchSet(db, sql: "SELECT DISTINCT tensor_id FROM tensor_manifests")
    let tensorRows = try Row.fetchCursor(
      db, sql: "SELECT id, refs, storage_id, manifests, name_id FROM tensor ORDER BY id")
    while let row = try tensorRows.next() {
      try check("tensor", row.value(0), row.value(1), tensors)
      if try tensors[row.value(0), default: 0] > 0 {
        try storages[row.value(2), default: 0] += 1
        try lookups.add(tensor: row.value(0), name: row.value(4))
      }
      let id: Int64 = try row.value(0)
      let earlier = inPieces.contains(id) ? try IDLists(db: db, table: .tensorManifests).ids(of: id) : []
      checkTensor(id, earlier + (try PackedIDs.decode(row.value(3) as Data)))
    }
    try checkNames(db)
    let storageRows = try Row.fetchCursor(db, sql: "SELECT id, refs, blobs FROM storage ORDER BY id")
    while let row = try storageRows.next() {
      try check("storage", row.value(0), row.value(1), storages)
      if try storages[row.value(0), default: 0] > 0 {
        let listed = Set(try PackedIDs.decode(row.value(2) as Data))
        for id in listed { blobs[id, default: 0] += 1 }
        try lookups.add(storage: row.value(0), blobs: listed)
      }
    }
    let blobRows = try Row.fetchCursor(db, sql: "SELECT id, refs, pack_id FROM blob")
    while let row = try blobRows.next() {
      try check("blob", row.value(0), row.value(1), blobs)
      if try blobs[row.value(0), default: 0] > 0, let pack = try row.value(2) as Int64? { packs[pack, default: 0] += 1 }
    }
    let packRows = try Row.fetchCursor(db, sql: "SELECT id, refs FROM pack")
    while let row = try packRows.next() { try check("pack", row.value(0), row.value(1), packs) }
    try check(.storageManifests, lookups.storages, db)
    try check(.blobStorages, lookups.blobs, db)
    try checkPieces(db)
  }

  private mutating func check(_ table: String, _ id: Int64, _ kept: Int, _ counted: [Int64: Int]) {
    let count = counted[id, default: 0]
    if kept != count { wrong.append("\(table) \(id): its count is \(kept), and there are \(count)") }
  }

  private mutating func checkTensor(_ id: Int64, _ kept: [Int64]) {
    let list = lookups.tensors[id]
    if PackedIDs.encode(kept.sorted()) != list?.bytes ?? [] {
      wrong.append("tensor \(id): it lists \(kept.count) manifests, not the \(list?.count ?? 0) that list it")
    }
  }

  private mutating func checkNames(_ db: Database) throws {
    let rows = try Row.fetchCursor(db, sql: "SELECT id, tensors FROM tensor_name")
    while let row = try rows.next() {
      let lists = RecentIDs(db: db, kind: .tensorsOfName)
      let kept = try lists.all(PackedIDs.decode(row.value(1) as Data), of: row.value(0))
      let list = try lookups.names[row.value(0)]
      if PackedIDs.encode(kept) != list?.bytes ?? [] {
        wrong.append(
          "tensor_name \(try row.value(0) as Int64): it lists \(kept.count) tensors, not the \(list?.count ?? 0) that it has"
        )
      }
    }
  }

  private mutating func check(_ table: IDLists.Table, _ lists: [Int64: PackedIDs], _ db: Database) throws {
    var kept: [Int64: PackedIDs] = [:]
    let rows = try Row.fetchCursor(
      db, sql: "SELECT \(table.owner), ids FROM \(table.rawValue) ORDER BY \(table.owner), first")
    while let row = try rows.next() {
      try PackedIDs.forEach(in: row.value(1) as Data) { try kept[row.value(0), default: PackedIDs()].append($0) }
    }
    for id in Set(lists.keys).union(kept.keys) where lists[id]?.bytes != kept[id]?.bytes {
      wrong.append("\(table.rawValue) of \(id): not the \(lists[id]?.count ?? 0) that there are")
    }
  }

  /// That each piece of a list has the ids that are looked for in it.
  private mutating func checkPieces(_ db: Database) throws {
    for table in IDLists.Table.allCases {
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT \(table.owner), first, ids,
            lead(first, 1, \(Int64.max)) OVER (PARTITION BY \(table.owner) ORDER BY first) FROM \(table.rawValue)
          """)
      while let row = try rows.next() {
        let ids = try PackedIDs.decode(row.value(2) as Data)
        if try ids.isEmpty || ids.contains(where: { try $0 < row.value(1) as Int64 || $0 >= row.value(3) as Int64 }) {
          wrong.append(
            "\(table.rawValue) of \(try row.value(0) as Int64): a piece of it has what does not belong there")
        }
      }
    }
  }
}
