import GRDB

/// Who needs some storages.
struct StorageUses {
  let db: Database

  /// The storages that a blob is in, and that are in some checkpoint.
  func storages(ofBlob id: Int64) throws -> [Int64] {
    let alone = try storage(of: [id])
    return try (alone.map { [$0] } ?? []) + IDLists(db: db, table: .blobStorages).ids(of: id)
  }

  /// The storage that is made of these blobs, in this order; nil if no checkpoint has it.
  func storage(of blobs: [Int64]) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT id FROM storage WHERE first_blob = ? AND blobs = ? AND refs > 0"),
      arguments: [blobs.first ?? 0, PackedIDs.encode(blobs).data])
  }

  /// The row of a blob that some checkpoint needs.
  func blob(_ digest: Digest) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT id FROM blob WHERE digest = ? AND refs > 0"), arguments: [digest.data])
  }

  /// The tensors that are views of these storages, and the manifests that list any of them or a storage by itself.
  func uses(of storages: [Int64]) throws -> (tensors: [TensorRows.Row], manifests: Set<Int64>) {
    let rows = TensorRows(db)
    let tensors = try rows.rows(ofStorages: storages)
    var manifests = Set<Int64>()
    for tensor in tensors { manifests.formUnion(try rows.manifests(of: tensor)) }
    for storage in storages {
      manifests.formUnion(try IDLists(db: db, table: .storageManifests).ids(of: storage))
    }
    return (tensors, manifests)
  }
}
