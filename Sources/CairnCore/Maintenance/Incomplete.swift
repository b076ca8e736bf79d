import Foundation
import GRDB

extension Repository {
  /// Looks again at the checkpoints that are listed as incomplete: a restore may have brought what was missing.
  func lookAgainAtIncomplete() throws {
    // What could not be read at all is read again each time the lock is taken.
    if try read({ try Self.hasUnreadableManifest($0) }) { try locked { _ in } }
    let incomplete = try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT m.id, b.digest FROM manifest m JOIN blob b ON b.id = m.blob_id WHERE m.state > 0 AND m.state = 1 AND m.refs > 0
          """)
    }
    if incomplete.isEmpty { return }
    let reader = BlobReader(blobs: blobs)
    var whole: [(id: Int64, digest: Digest, manifest: Manifest)] = []
    for row in incomplete {
      guard let digest = try Digest(bytes: row.value(1) as Data),
        let file = try? ManifestFile(blobs: blobs).read(digest)
      else {
        continue
      }
      let manifest = file.manifest
      let isWhole = manifest.chunks.allSatisfy { chunk in
        (try? reader.locate(chunk, packHint: chunk.pack.map { manifest.packs[$0] })) != nil
      }
      if isWhole { try whole.append((row.value(0), digest, manifest)) }
    }
    if whole.isEmpty { return }
    try locked { locked in
      try locked.write { db in
        for (id, digest, manifest) in whole {
          // Once more with the lock held; and the rows of small blobs now say in which packs these were found.
          let isListed = try Bool.fetchOne(
            db,
            sql: """
              SELECT EXISTS (SELECT 1 FROM manifest m JOIN blob b ON b.id = m.blob_id
                WHERE m.id = ? AND b.digest = ? AND m.state = 1)
              """, arguments: [id, digest.data])
          guard isListed == true else { continue }
          let rows = ManifestRows(db: db, blobs: blobs, packs: locked.packs)
          guard try rows.place(manifest, present: false) else { continue }
          try db.execute(sql: "UPDATE manifest SET state = 0 WHERE id = ?", arguments: [id])
        }
      }
    }
  }

  /// Notes in the index how much of checkpoints is there.
  func setState(_ state: ManifestState, ofManifests ids: [Int64]) throws {
    try locked { locked in
      try locked.write { db in
        for id in ids {
          try db.execute(
            sql: "UPDATE manifest SET state = ? WHERE id = ? AND state <> 2", arguments: [state.rawValue, id])
        }
      }
    }
  }
}
