import Foundation
import GRDB

/// The rows below a manifest: blobs, storages, names, types and tensors; those that are there already are shared.
struct ManifestRows {
  let db: Database
  let blobs: BlobStore
  let packs: Packs
  /// What is remembered from other manifests of the same transaction.
  let memo: RowMemo?
  private let statements: RapidStatements

  init(db: Database, blobs: BlobStore, packs: Packs, memo: RowMemo? = nil) {
    (self.db, self.blobs, self.packs, self.memo) = (db, blobs, packs, memo)
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
  }

  /// Makes what is missing, with counts of 0. `present` says that all blobs are known to be in place.
  func insert(_ manifest: Manifest, present: Bool) throws -> Lists {
    var isWhole = true
    let rows = BlobRows(db: db, blobs: blobs, packs: packs)
    var packIDs: [Digest: Int64] = [:]
    func packed(_ chunk: Manifest.Chunk, _ pack: Digest) throws -> Int64 {
      let id = try packIDs[pack] ?? rows.pack(pack)
      packIDs[pack] = id
      return try rows.packed(chunk.digest, size: chunk.length, pack: id, crc32: chunk.crc32)
    }
    let blobIDs = try manifest.chunks.map { chunk in
      let named = chunk.pack.map { manifest.packs[$0] }
      if present {
        if let named { return try packed(chunk, named) }
        return try remembered({ $0.file }, chunk.digest) {
          try rows.ownFile(chunk.digest, size: chunk.length, stored: chunk.length, place: .raw, crc32: chunk.crc32)
        }
      }
      // Where it is, not where it was: packs are rewritten, files compressed, and none of that is in the manifest.
      if let named, packs.holds(named, chunk.digest, length: chunk.length) { return try packed(chunk, named) }
      if let file = try blobs.ownFile(chunk.digest, length: chunk.length) {
        return try rows.ownFile(
          chunk.digest, size: chunk.length, stored: file.size, place: file.encoding == .zstd ? .zstd : .raw,
          crc32: chunk.crc32)
      }
      if let found = try packs.find(chunk.digest).first { return try packed(chunk, found) }
      isWhole = false
      if let named { return try packed(chunk, named) }
      return try rows.ownFile(chunk.digest, size: chunk.length, stored: chunk.length, place: .raw, crc32: chunk.crc32)
    }
    let storageIDs = try manifest.storages.map { storage in
      try storageID(storage.chunks.map { blobIDs[$0] }, size: storage.size)
    }
    let sizes = Dictionary(zip(storageIDs, manifest.storages.lazy.map(\.size)), uniquingKeysWith: { first, _ in first })
    let tensors = try tensorIDs(manifest.tensors, storageIDs: storageIDs)
    let named = Set(manifest.tensors.map { storageIDs[$0.storage] })
    return Lists(
      tensors: tensors, storages: unique(storageIDs.filter { !named.contains($0) }),
      storageBytes: sizes.values.reduce(0) { $0.adding($1) }, isWhole: isWhole)
  }

  private func remembered<Key>(
    _ kind: (RowMemo) -> (Key, () throws -> Int64) throws -> Int64, _ key: Key, _ find: () throws -> Int64
  ) throws -> Int64 {
    guard let memo else { return try find() }
    return try kind(memo)(key, find)
  }

  private func storageID(_ blobs: [Int64], size: Int) throws -> Int64 {
    let packed = PackedIDs.encode(blobs)
    return try remembered({ $0.storage }, packed) { try findStorage(blobs.first ?? 0, packed, size: size) }
  }

  private func findStorage(_ first: Int64, _ blobs: [UInt8], size: Int) throws -> Int64 {
    let find = try statements["SELECT id FROM storage WHERE first_blob = ? AND blobs = ?"]
    try find.bind(1, first)
    try find.bind(2, blobs)
    if let id = try find.first({ $0.integer(0) }) { return id }
    let insert = try statements["INSERT INTO storage (first_blob, blobs, size) VALUES (?, ?, ?)"]
    try insert.bind(1, first)
    try insert.bind(2, blobs)
    try insert.bind(3, size)
    try insert.run()
    return db.lastInsertedRowID
  }

  private func tensorIDs(_ tensors: [TensorEntry], storageIDs: [Int64]) throws -> [Int64] {
    var types: [TensorType: Int64] = [:]
    let findName = try statements["SELECT id FROM tensor_name WHERE name = ?"]
    let insertName = try statements["INSERT INTO tensor_name (name) VALUES (?)"]
    let find = try statements[
      "SELECT id FROM tensor WHERE name_id = ? AND storage_id = ? AND type_id = ? AND byte_offset = ?"]
    let insert = try statements[
      "INSERT INTO tensor (name_id, storage_id, type_id, byte_offset) VALUES (?, ?, ?, ?)"]
    return try unique(
      tensors.map { tensor in
        let name = try remembered({ $0.name }, tensor.name) {
          try findName.bind(1, tensor.name)
          if let id = try findName.first({ $0.integer(0) }) { return id }
          try insertName.bind(1, tensor.name)
          try insertName.run()
          return db.lastInsertedRowID
        }
        let type = TensorType(dtype: tensor.dtype, shape: tensor.shape, strides: tensor.strides)
        let typeID = try types[type] ?? typeID(type)
        types[type] = typeID
        let key = RowMemo.Tensor(
          name: name, storage: storageIDs[tensor.storage], type: typeID, byteOffset: tensor.byteOffset)
        return try remembered({ $0.tensor }, key) {
          for statement in [find, insert] {
            try statement.bind(1, key.name)
            try statement.bind(2, key.storage)
            try statement.bind(3, key.type)
            try statement.bind(4, key.byteOffset)
          }
          if let id = try find.first({ $0.integer(0) }) { return id }
          try insert.run()
          return db.lastInsertedRowID
        }
      })
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

  private func unique(_ ids: [Int64]) -> [Int64] {
    var seen = Set<Int64>()
    return ids.filter { seen.insert($0).inserted }
  }
}
