import Foundation
import GRDB

/// The counts, each the number of rows one level up that there are, and the lists that say which rows these are.
///
/// Only a row that appears or falls to 0 touches the level below it. One that falls to 0 is deleted, unless it has a file:
/// that of a blob with a file of its own, or of a pack, waits for a sweep.
struct References {
  let db: Database
  /// For a transaction of many lines.
  let memo: RowMemo?
  private let statements: RapidStatements

  init(db: Database, memo: RowMemo? = nil) {
    (self.db, self.memo) = (db, memo)
    statements = RapidStatements(db)
  }

  /// How many references each of some rows gets, or loses.
  struct Counts {
    var storages: [Int64: Int] = [:]
    var blobs: [Int64: Int] = [:]
    var packs: [Int64: Int] = [:]
  }

  // MARK: More

  /// Counts a manifest for tensors that were there before it.
  func retain(tensors: [Int64], of manifest: Int64) throws {
    let update = try statements["UPDATE tensor SET refs = refs + 1, manifests = ? WHERE id = ?"]
    let lists = RecentIDs(db: db, kind: .manifestsOfTensor)
    for var tensor in try self.tensors(tensors) {
      try lists.add(manifest, to: &tensor.manifests, of: tensor.id)
      try update.bind(1, PackedIDs.encode(tensor.manifests))
      try update.bind(2, tensor.id)
      try update.run()
    }
  }

  /// Adds to the counts of rows that were there before.
  func retain(_ gains: Counts) throws {
    let storage = try statements["UPDATE storage SET refs = refs + ? WHERE id = ?"]
    for (id, gain) in gains.storages {
      try storage.bind(1, gain)
      try storage.bind(2, id)
      try storage.run()
    }
    var packs = gains.packs
    let blob = try statements["UPDATE blob SET refs = refs + ? WHERE id = ?"]
    for row in try blobs(gains.blobs.keys) {
      let gain = gains.blobs[row.id, default: 0]
      if row.refs == 0, gain > 0, let pack = row.pack { packs[pack, default: 0] += 1 }
      try blob.bind(1, gain)
      try blob.bind(2, row.id)
      try blob.run()
    }
    try change(packs: packs, by: 1)
  }

  func retainBlob(_ id: Int64) throws { try retain(Counts(blobs: [id: 1])) }

  /// Puts a manifest into the lists of storages that it lists by themselves.
  func list(storages: [Int64], of manifest: Int64) throws {
    let lists = IDLists(db: db, table: .storageManifests)
    for storage in storages { try lists.insert(CollectionOfOne(manifest), into: storage) }
  }

  // MARK: Fewer

  /// Takes one reference from a manifest; one that falls to 0 lets go of all that it lists.
  func releaseManifest(_ id: Int64) throws {
    let decrease = try db.cachedStatement(sql: "UPDATE manifest SET refs = refs - 1 WHERE id = ?")
    try decrease.execute(arguments: [id])
    let find = try db.cachedStatement(
      sql: """
        SELECT m.blob_id, coalesce(l.tensors, x''), coalesce(l.storages, x'')
        FROM manifest m LEFT JOIN manifest_lists l ON l.manifest_id = m.id WHERE m.id = ? AND m.refs = 0
        """)
    guard let row = try Row.fetchOne(find, arguments: [id]) else { return }
    var losses = Counts()
    losses.blobs[try row.value(0)] = 1
    try release(tensors: PackedIDs.decode(row.value(1) as Data), of: id, &losses)
    let lists = IDLists(db: db, table: .storageManifests)
    for storage in try PackedIDs.decode(row.value(2) as Data) {
      try lists.remove(id, from: storage)
      losses.storages[storage, default: 0] += 1
    }
    try db.cachedStatement(sql: "DELETE FROM manifest WHERE id = ?").execute(arguments: [id])
    try release(storages: losses.storages, &losses)
    try release(blobs: losses.blobs, &losses)
    try change(packs: losses.packs, by: -1)
  }

  private func release(tensors ids: [Int64], of manifest: Int64, _ losses: inout Counts) throws {
    let update = try statements["UPDATE tensor SET refs = refs - 1, manifests = ? WHERE id = ?"]
    let lists = RecentIDs(db: db, kind: .manifestsOfTensor)
    var gone: [Int64] = []
    var goneOfNames: [Int64: [Int64]] = [:]
    for var tensor in try tensors(ids) {
      try lists.remove(manifest, from: &tensor.manifests, of: tensor.id)
      guard tensor.refs == 1 else {
        try update.bind(1, PackedIDs.encode(tensor.manifests))
        try update.bind(2, tensor.id)
        try update.run()
        continue
      }
      gone.append(tensor.id)
      goneOfNames[tensor.key.name, default: []].append(tensor.id)
      losses.storages[tensor.key.storage, default: 0] += 1
      memo?.forget(tensor: tensor.key)
    }
    try release(tensorsOfNames: goneOfNames)
    try delete(gone, try statements["DELETE FROM tensor WHERE id BETWEEN ? AND ?"])
  }

  private func release(tensorsOfNames gone: [Int64: [Int64]]) throws {
    let lists = RecentIDs(db: db, kind: .tensorsOfName)
    let find = try statements["SELECT id, tensors FROM tensor_name WHERE id BETWEEN ? AND ?"]
    let update = try statements["UPDATE tensor_name SET tensors = ? WHERE id = ?"]
    var names: [(id: Int64, tensors: [Int64])] = []
    try select(gone.keys, find) { row in
      names.append((row.integer(0), try row.withBytes(1) { try PackedIDs.decode($0) }))
    }
    for (id, tensors) in names {
      var own = tensors
      for tensor in gone[id] ?? [] { try lists.remove(tensor, from: &own, of: id) }
      try update.bind(1, PackedIDs.encode(own))
      try update.bind(2, id)
      try update.run()
    }
  }

  private func release(storages: [Int64: Int], _ losses: inout Counts) throws {
    let find = try statements["SELECT id, refs, blobs FROM storage WHERE id BETWEEN ? AND ?"]
    let update = try statements["UPDATE storage SET refs = refs - ? WHERE id = ?"]
    var rows: [(id: Int64, refs: Int, blobs: [UInt8])] = []
    try select(storages.keys, find) { row in
      rows.append((row.integer(0), Int(row.integer(1)), row.withBytes(2) { Array($0) }))
    }
    var gone: [Int64] = []
    let lists = IDLists(db: db, table: .blobStorages)
    for row in rows {
      let loss = storages[row.id, default: 0]
      guard row.refs == loss else {
        try update.bind(1, loss)
        try update.bind(2, row.id)
        try update.run()
        continue
      }
      gone.append(row.id)
      memo?.forget(storage: row.blobs)
      let blobs = Set(try PackedIDs.decode(row.blobs)).sorted()
      for blob in blobs {
        losses.blobs[blob, default: 0] += 1
        if blobs.count > 1 { try lists.remove(row.id, from: blob) }
      }
    }
    try delete(gone, try statements["DELETE FROM storage WHERE id BETWEEN ? AND ?"])
  }

  private func release(blobs: [Int64: Int], _ losses: inout Counts) throws {
    let update = try statements["UPDATE blob SET refs = refs - ? WHERE id = ?"]
    var gone: [Int64] = []
    for row in try self.blobs(blobs.keys) {
      let loss = blobs[row.id, default: 0]
      if row.refs == loss, let pack = row.pack {
        gone.append(row.id)
        losses.packs[pack, default: 0] += 1
        continue
      }
      try update.bind(1, loss)
      try update.bind(2, row.id)
      try update.run()
    }
    try delete(gone, try statements["DELETE FROM blob WHERE id BETWEEN ? AND ?"])
  }

  private func change(packs: [Int64: Int], by step: Int) throws {
    for (pack, count) in packs {
      try db.cachedStatement(sql: "UPDATE pack SET refs = refs + ? WHERE id = ?")
        .execute(arguments: [count * step, pack])
    }
  }

  // MARK: Rows

  private struct TensorRow {
    var id: Int64
    var refs: Int
    var key: TensorKey
    /// The newest of them.
    var manifests: [Int64]
  }

  private func tensors(_ ids: [Int64]) throws -> [TensorRow] {
    let find = try statements[
      """
      SELECT id, refs, name_id, storage_id, type_id, byte_offset, manifests FROM tensor WHERE id BETWEEN ? AND ?
      """]
    var rows: [TensorRow] = []
    try select(ids, find) { row in
      let key = TensorKey(
        name: row.integer(2), storage: row.integer(3), type: row.integer(4), byteOffset: Int(row.integer(5)))
      let manifests = try row.withBytes(6) { try PackedIDs.decode($0) }
      rows.append(TensorRow(id: row.integer(0), refs: Int(row.integer(1)), key: key, manifests: manifests))
    }
    return rows
  }

  private func blobs(_ ids: some Collection<Int64>) throws -> [(id: Int64, refs: Int, pack: Int64?)] {
    var rows: [(id: Int64, refs: Int, pack: Int64?)] = []
    try select(ids, try statements["SELECT id, refs, pack_id FROM blob WHERE id BETWEEN ? AND ?"]) { row in
      rows.append((row.integer(0), Int(row.integer(1)), row.optionalInteger(2)))
    }
    return rows
  }

  /// Runs `find` for each stretch of ids: what one save made lies together, and a row that follows costs a quarter of one
  /// that is looked for.
  private func select(
    _ ids: some Collection<Int64>, _ find: RapidStatement, _ read: (RapidStatement) throws -> Void
  ) throws {
    for stretch in stretches(ids) {
      try find.bind(1, stretch.lowerBound)
      try find.bind(2, stretch.upperBound)
      try find.forEach(read)
    }
  }

  private func delete(_ ids: [Int64], _ delete: RapidStatement) throws {
    for stretch in stretches(ids) {
      try delete.bind(1, stretch.lowerBound)
      try delete.bind(2, stretch.upperBound)
      try delete.run()
    }
  }

  /// Ids in ascending order, those that follow each other together.
  private func stretches(_ ids: some Collection<Int64>) -> [ClosedRange<Int64>] {
    var stretches: [ClosedRange<Int64>] = []
    for id in ids.sorted() {
      if let last = stretches.last, id - last.upperBound <= 1 {
        stretches[stretches.count - 1] = last.lowerBound...id
      } else {
        stretches.append(id...id)
      }
    }
    return stretches
  }
}
