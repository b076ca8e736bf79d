import Foundation
import GRDB

extension Repository {
  /// Looks again at the checkpoints that are listed as incomplete: a restore may have brought what was missing.
  func lookAgainAtIncomplete() throws {
    let incomplete = try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT m.id, b.digest FROM manifest m JOIN blob b ON b.id = m.blob_id WHERE m.state = 1 AND m.refs > 0
          """)
    }
    if incomplete.isEmpty { return }
    let reader = BlobReader(blobs: blobs)
    var whole: [Int64] = []
    for row in incomplete {
      guard let digest = Digest(bytes: row[1] as Data), let file = try? ManifestFile(blobs: blobs).read(digest) else {
        continue
      }
      let manifest = file.manifest
      let isWhole = manifest.chunks.allSatisfy { chunk in
        (try? reader.locate(chunk, packHint: chunk.pack.map { manifest.packs[$0] })) != nil
      }
      if isWhole { whole.append(row[0]) }
    }
    if !whole.isEmpty { try setState(.whole, ofManifests: whole) }
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
