import Foundation
import GRDB

/// What removing checkpoints and the sweep after it would free: ``References`` gone through in memory, nothing written.
///
/// For a few of many checkpoints row by row; for many, from one pass over what all hold.
struct ReleaseEstimate {
  private let db: Database
  /// How many checkpoints let go of each manifest.
  private var released: [Int64: Int] = [:]
  private var manifests: [Int64: Int] = [:]
  private var tensors: [Int64: Int] = [:]
  private var storages: [Int64: Int] = [:]
  private var blobs: [Int64: Int] = [:]
  private var packs: [Int64: Int] = [:]
  private var fallen = Freed()
  private var fallenPacks: [Int64] = []

  /// Above how many manifests all rows are read at once: a second, whatever is removed.
  private let fewManifests: Int

  init(_ db: Database, fewManifests: Int = 200) {
    self.db = db
    self.fewManifests = fewManifests
  }

  /// Takes away the reference of a checkpoint to its manifest.
  mutating func release(manifest id: Int64) { released[id, default: 0] += 1 }

  /// The files of what falls to 0, by all that stays and all that goes.
  private func fallenOfMany(_ repository: Repository) throws -> Freed {
    var (kept, gone): ([Int64], [Int64]) = ([], [])
    for row in try Row.fetchAll(db, sql: "SELECT id, refs FROM manifest WHERE refs > 0 ORDER BY id") {
      let id: Int64 = try row.value(0)
      if try row.value(1) as Int > released[id] ?? 0 { kept.append(id) } else { gone.append(id) }
    }
    let lists = try ManifestLists(db)
    var ownership = Ownership(try ReferenceGraph(db, repository.blobs))
    for (manifests, stays) in [(kept, true), (gone, false)] {
      ownership.beginGroup(outside: stays)
      try ownership.visit(manifests: manifests, lists)
    }
    let total = ownership.holdings().total
    return Freed(files: total.freedFiles, bytes: total.freed)
  }

  private mutating func releaseOneByOne(manifest id: Int64) throws {
    guard try fell(&manifests, "manifest", "blob_id", id) != nil else { return }
    try ManifestLists(db).read(id) { lists in
      for tensor in lists.tensors {
        if let row = try fell(&tensors, "tensor", "storage_id", tensor) { try release(storage: row.value(1)) }
      }
      for storage in lists.storages { try release(storage: storage) }
      try release(blob: lists.blob)
    }
  }

  /// What the sweep would unlink: what has fallen to 0, and what was there already.
  mutating func freed(_ repository: Repository) throws -> Freed {
    // Nobody can say what one that cannot be read needs: nothing is unlinked.
    let unreadable = try Row.fetchAll(
      db, sql: "SELECT id, refs FROM manifest WHERE state > 0 AND state = 2 AND refs > 0")
    if try unreadable.contains(where: { try $0.value(1) as Int > released[$0.value(0)] ?? 0 }) { return Freed() }
    if released.count > fewManifests {
      fallen = try fallenOfMany(repository)
    } else {
      for (manifest, count) in released {
        for _ in 0..<count { try releaseOneByOne(manifest: manifest) }
      }
    }
    var freed = fallen
    let waiting = try Row.fetchOne(
      db, sql: "SELECT count(*), cast(total(stored) AS INTEGER) FROM blob WHERE refs = 0 AND place <> 2")
    if let waiting { freed += Freed(files: waiting[0], bytes: waiting[1]) }
    var digests = try Data.fetchAll(
      db,
      sql: """
        SELECT digest FROM pack WHERE refs = 0
          AND NOT EXISTS (SELECT 1 FROM blob WHERE pack_id = pack.id AND refs > 0)
        """)
    for pack in fallenPacks {
      if let digest = try Data.fetchOne(db, sql: "SELECT digest FROM pack WHERE id = ?", arguments: [pack]) {
        digests.append(digest)
      }
    }
    // The index does not keep how large packs are.
    for digest in digests {
      guard let digest = Digest(bytes: digest),
        let status = try Files.status(repository.blobs.path(digest, .pack))
      else { continue }
      freed += Freed(files: 1, bytes: status.size)
    }
    return freed
  }

  private mutating func release(storage id: Int64) throws {
    guard let row = try fell(&storages, "storage", "blobs", id) else { return }
    for blob in Set(try PackedIDs.decode(row.value(1) as Data)) { try release(blob: blob) }
  }

  private mutating func release(blob id: Int64) throws {
    guard let row = try fell(&blobs, "blob", "stored, pack_id", id) else { return }
    if let pack = try row.value(2) as Int64? {
      if try fell(&packs, "pack", "id", pack) != nil { fallenPacks.append(pack) }
    } else {
      fallen += try Freed(files: 1, bytes: row.value(1))
    }
  }

  /// Counts down a row; the row, its count first, if it has just fallen to 0.
  private func fell(_ counts: inout [Int64: Int], _ table: String, _ columns: String, _ id: Int64) throws -> Row? {
    if let count = counts[id], count > 1 {
      counts[id] = count - 1
      return nil
    }
    let statement = try db.cachedStatement(sql: "SELECT refs, \(columns) FROM \(table) WHERE id = ?")
    guard let row = try Row.fetchOne(statement, arguments: [id]) else { return nil }
    let count = try counts[id] ?? row.value(0)
    counts[id] = count - 1
    return count == 1 ? row : nil
  }
}
