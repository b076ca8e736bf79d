import Foundation
import GRDB

/// The rows below a manifest: blobs, storages, names, types and tensors; those that are there already are shared.
struct ManifestRows {
  let db: Database
  let blobs: BlobStore
  let packs: Packs
  /// What is remembered from other manifests of the same transaction.
  let memo: RowMemo?
  private let rows: BlobRows
  private let statements: RapidStatements

  init(db: Database, blobs: BlobStore, packs: Packs, memo: RowMemo? = nil) {
    (self.db, self.blobs, self.packs, self.memo) = (db, blobs, packs, memo)
    rows = BlobRows(db: db, blobs: blobs, packs: packs)
    statements = RapidStatements(db)
  }

  /// What a manifest's row lists.
  struct Lists {
    var tensors: [Int64]
    /// The storages that no tensor names.
    var storages: [Int64]
    /// The bytes of all its storages, each once.
    var storageBytes: Int
    /// Whether all blobs are there.
    var isWhole: Bool

    static let nothing = Lists(tensors: [], storages: [], storageBytes: 0, isWhole: false)
  }

  /// Brings up to date where the blobs of a manifest are that is counted already; returns whether all are there.
  /// `present` says that they are known to be.
  func place(_ manifest: Manifest, present: Bool) throws -> Bool {
    var places = Places()
    for chunk in manifest.chunks {
      let facts = try facts(chunk, of: manifest, present: present, &places)
      if try rows.update(facts) == nil { _ = try rows.insert(facts) }
    }
    return places.isWhole
  }

  /// Makes what is missing below a manifest that is to have the row `id`, and counts all that it lists.
  func list(_ manifest: Manifest, present: Bool, as id: Int64) throws -> Lists {
    var places = Places()
    var added = try AddedRows(db)
    let blobIDs = try manifest.chunks.map { chunk in
      func find() throws -> Int64 {
        let facts = try facts(chunk, of: manifest, present: present, &places)
        return try rows.update(facts) ?? added.add(facts)
      }
      return present && chunk.pack == nil ? try remembered({ $0.file }, chunk.digest, find) : try find()
    }
    let storageIDs = try manifest.storages.map { storage in
      try storageID(storage.chunks.map { blobIDs[$0] }, size: storage.size, &added)
    }
    var sizes: [Int64: Int] = [:]
    for (id, storage) in zip(storageIDs, manifest.storages) { sizes[id] = sizes[id] ?? storage.size }

    var seen = Set<Int64>()
    let tensors = try tensorIDs(manifest.tensors, storageIDs: storageIDs, &added).filter { seen.insert($0).inserted }
    let named = Set(manifest.tensors.map { storageIDs[$0.storage] })
    seen = []
    let alone = storageIDs.filter { !named.contains($0) && seen.insert($0).inserted }
    for storage in alone { added.count(storage: storage) }
    try added.write(statements, listedBy: id)
    let references = References(db: db, memo: memo)
    try references.retain(tensors: tensors.filter { !added.has(tensor: $0) }, of: id)
    try references.retain(added.gains)
    try references.list(storages: alone, of: id)
    return Lists(
      tensors: tensors, storages: alone, storageBytes: sizes.values.reduce(0) { $0.adding($1) },
      isWhole: places.isWhole)
  }

  /// Where the blobs of a manifest have been found so far.
  private struct Places {
    var packs: [Digest: Int64] = [:]
    var isWhole = true
  }

  private func facts(
    _ chunk: Manifest.Chunk, of manifest: Manifest, present: Bool, _ places: inout Places
  ) throws -> BlobFacts {
    func packed(_ pack: Digest) throws -> BlobFacts {
      let id = try places.packs[pack] ?? rows.pack(pack)
      places.packs[pack] = id
      return BlobFacts(
        digest: chunk.digest, size: chunk.length, stored: chunk.length, place: .pack, pack: id, crc32: chunk.crc32)
    }
    let ownFile = BlobFacts(
      digest: chunk.digest, size: chunk.length, stored: chunk.length, place: .raw, crc32: chunk.crc32)
    let named = chunk.pack.map { manifest.packs[$0] }
    if present { return try named.map(packed) ?? ownFile }
    // Where it is, not where it was: packs are rewritten, files compressed, and none of that is in the manifest.
    if let named, packs.holds(named, chunk.digest, length: chunk.length) { return try packed(named) }
    if let file = try blobs.ownFile(chunk.digest, length: chunk.length) {
      var found = ownFile
      found.stored = file.size
      found.place = file.encoding == .zstd ? .zstd : .raw
      return found
    }
    if let found = try packs.find(chunk.digest).first { return try packed(found) }
    places.isWhole = false
    return try named.map(packed) ?? ownFile
  }

  private func remembered<Key>(
    _ kind: (RowMemo) -> (Key, () throws -> Int64) throws -> Int64, _ key: Key, _ find: () throws -> Int64
  ) throws -> Int64 {
    guard let memo else { return try find() }
    return try kind(memo)(key, find)
  }

  private func storageID(_ blobs: [Int64], size: Int, _ added: inout AddedRows) throws -> Int64 {
    let packed = PackedIDs.encode(blobs)
    return try remembered({ $0.storage }, packed) {
      if let id = added.storage(packed) { return id }
      // What has a new blob in it is new.
      if !blobs.contains(where: { added.has(blob: $0) }) {
        let find = try statements["SELECT id FROM storage WHERE first_blob = ? AND blobs = ?"]
        try find.bind(1, blobs.first ?? 0)
        try find.bind(2, packed)
        if let id = try find.first({ $0.integer(0) }) { return id }
      }
      return added.add(storageOf: blobs, packed, size: size)
    }
  }

  private func tensorIDs(
    _ tensors: [TensorEntry], storageIDs: [Int64], _ added: inout AddedRows
  ) throws -> [Int64] {
    var types: [TensorType: Int64] = [:]
    let find = try statements[
      "SELECT id FROM tensor WHERE name_id = ? AND storage_id = ? AND type_id = ? AND byte_offset = ?"]
    return try tensors.map { tensor in
      let name = try remembered({ $0.name }, tensor.name) { try nameID(tensor.name, &added) }
      let type = TensorType(dtype: tensor.dtype, shape: tensor.shape, strides: tensor.strides)
      let typeID = try types[type] ?? typeID(type)
      types[type] = typeID
      let key = TensorKey(
        name: name, storage: storageIDs[tensor.storage], type: typeID, byteOffset: tensor.byteOffset)
      return try remembered({ $0.tensor }, key) {
        if let id = added.tensor(key) { return id }
        if !added.has(storage: key.storage) {
          try key.bind(to: find, from: 1)
          if let id = try find.first({ $0.integer(0) }) { return id }
        }
        return added.add(key)
      }
    }
  }

  private func nameID(_ name: String, _ added: inout AddedRows) throws -> Int64 {
    let find = try statements["SELECT id, tensors FROM tensor_name WHERE name = ?"]
    try find.bind(1, name)
    let known = try find.first { row in (row.integer(0), try row.withBytes(1) { try PackedIDs.decode($0) }) }
    if let (id, tensors) = known {
      added.noteTensors(tensors, ofName: id)
      return id
    }
    let insert = try statements["INSERT INTO tensor_name (name) VALUES (?)"]
    try insert.bind(1, name)
    try insert.run()
    let id = db.lastInsertedRowID
    added.noteTensors([], ofName: id)
    return id
  }

  private struct TensorType: Hashable {
    var dtype: String
    var shape: [Int]
    var strides: [Int]
  }

  private func typeID(_ type: TensorType) throws -> Int64 {
    let arguments: StatementArguments = [type.dtype, jsonArray(type.shape), jsonArray(type.strides)]
    let find = try db.cachedStatement(
      sql: "SELECT id FROM tensor_type WHERE dtype = ? AND shape = ? AND strides = ?")
    if let id = try Int64.fetchOne(find, arguments: arguments) { return id }
    try db.cachedStatement(sql: "INSERT INTO tensor_type (dtype, shape, strides) VALUES (?, ?, ?)")
      .execute(arguments: arguments)
    return db.lastInsertedRowID
  }

  private func jsonArray(_ numbers: [Int]) -> String { "[" + numbers.map(String.init).joined(separator: ",") + "]" }
}
