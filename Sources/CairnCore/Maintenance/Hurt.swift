import Foundation
import GRDB

/// Which checkpoints and tensors need some blobs: a look-up in reverse, for when something is wrong.
struct HurtFinder {
  let db: Database

  /// For each of the blobs, what needs it; and the ids of the manifests.
  func find(_ damaged: Set<Digest>) throws -> (hurts: [Digest: [VerifyReport.Hurt]], manifests: Set<Int64>) {
    var digests: [Int64: Digest] = [:]
    for digest in damaged {
      if let id = try Int64.fetchOne(db, sql: "SELECT id FROM blob WHERE digest = ?", arguments: [digest.data]) {
        digests[id] = digest
      }
    }
    var storages: [Int64: Set<Digest>] = [:]
    let rows = try Row.fetchCursor(db, sql: "SELECT id, blobs FROM storage WHERE refs > 0")
    while let row = try rows.next() {
      let bad = Set(try PackedIDs.decode(row.value(1) as Data).compactMap { digests[$0] })
      if !bad.isEmpty { try storages[row.value(0)] = bad }
    }
    var tensors: [Int64: (name: String, blobs: Set<Digest>)] = [:]
    for (storage, bad) in storages {
      let named = try Row.fetchAll(
        db,
        sql: """
          SELECT t.id, n.name FROM tensor t JOIN tensor_name n ON n.id = t.name_id WHERE t.storage_id = ? AND t.refs > 0
          """, arguments: [storage])
      for row in named { try tensors[row.value(0)] = (row.value(1), bad) }
    }
    var hurts: [Digest: [VerifyReport.Hurt]] = [:]
    var manifestIDs: Set<Int64> = []
    let manifests = try Row.fetchCursor(
      db,
      sql: """
        SELECT m.id, m.blob_id, coalesce(l.tensors, x''), coalesce(l.storages, x'')
        FROM manifest m LEFT JOIN manifest_lists l ON l.manifest_id = m.id WHERE m.refs > 0
        """)
    while let row = try manifests.next() {
      var byDigest: [Digest: [String]] = [:]
      if let digest = try digests[row.value(1)] { byDigest[digest] = [] }
      for id in try PackedIDs.decode(row.value(2) as Data) {
        if let tensor = tensors[id] { for digest in tensor.blobs { byDigest[digest, default: []].append(tensor.name) } }
      }
      for id in try PackedIDs.decode(row.value(3) as Data) {
        for digest in storages[id] ?? [] { byDigest[digest, default: []] += [] }
      }
      if byDigest.isEmpty { continue }
      try manifestIDs.insert(row.value(0))
      let names = try String.fetchAll(
        db,
        sql: """
          SELECT p.name || '@' || c.version FROM checkpoint c JOIN path p ON p.id = c.path_id
          WHERE c.manifest_id = ? ORDER BY c.id
          """, arguments: [row.value(0) as Int64])
      for (digest, tensors) in byDigest {
        for name in names { hurts[digest, default: []].append(.init(checkpoint: name, tensors: tensors)) }
      }
    }
    return (hurts, manifestIDs)
  }
}
