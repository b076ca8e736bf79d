import Foundation
import GRDB

/// Writes to the index what lines of the log say, inside a transaction of the caller's, with the lock held.
struct IndexWriter {
  let db: Database
  let blobs: BlobStore
  let packs: Packs
  /// A manifest that the caller has at hand, with all its blobs in place: that of the save that is being committed.
  var known: KnownManifest?
  /// For a transaction of many lines.
  var memo: RowMemo?
  /// Whether what manifests list is written, and released, too. Only what is rolled back may leave it out.
  var reachesBelowManifests = true

  struct KnownManifest {
    var digest: Digest
    var manifest: Manifest
    /// Its bytes, and those of its compressed file.
    var size: Int
    var storedSize: Int
    /// The CRC-32 of its bytes.
    var crc32: UInt32
    /// Whether the save has written any of its blobs, although the manifest may be one that was there.
    var hasNewBlobs = false
  }

  private var rows: BlobRows { BlobRows(db: db, blobs: blobs, packs: packs) }
  private var manifestRows: ManifestRows { ManifestRows(db: db, blobs: blobs, packs: packs, memo: memo) }

  /// Does what one line says.
  func apply(_ entry: LogEntry) throws {
    switch entry.op {
    case .initialized:
      break
    case .run:
      try db.cachedStatement(
        sql: "INSERT INTO run (uid, name, created, metadata) VALUES (?, ?, ?, ?)"
      ).execute(arguments: [entry.id, entry.name ?? entry.id, entry.time, try json(entry.metadata)])
    case .saved:
      try insertCheckpoint(entry)
      for replaced in entry.removes ?? [] { try removeCheckpoint(replaced) }
    case .removed:
      for removed in entry.removes ?? [] { try removeCheckpoint(removed) }
    case .repacked:
      if let from = entry.from { try movePack(from, to: entry.to) }
    case .versions:
      _ = try pathID(entry.path ?? "", version: entry.version ?? 0)
    case .moved:
      try move(entry)
    case .tagged:
      try tag(entry)
    case .untagged:
      try untag(entry)
    case .annotated:
      try annotate(entry)
    }
  }

  /// Notes up to where the index has come.
  func setPosition(_ position: Log.Position, repository: String) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO log_position (id, repository, bytes, last_line, chain) VALUES (1, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET repository = excluded.repository, bytes = excluded.bytes,
          last_line = excluded.last_line, chain = excluded.chain
        """
    ).execute(arguments: [repository, position.bytes, position.lastLine, position.chain.data])
  }

  // MARK: Checkpoints

  private func insertCheckpoint(_ entry: LogEntry) throws {
    guard let digest = entry.manifest, let path = entry.path, let version = entry.version else {
      throw CairnError.damaged(Log.fileName, "the save \(entry.id) names no manifest, path or version")
    }
    let manifest = try retainManifest(digest)
    let pathRow = try pathID(path, version: version)
    var run: Int64?
    if let uid = entry.run {
      run = try Int64.fetchOne(db.cachedStatement(sql: "SELECT id FROM run WHERE uid = ?"), arguments: [uid])
    }
    try db.cachedStatement(
      sql: """
        INSERT INTO checkpoint (uid, path_id, version, manifest_id, run_id, parent, step, epoch, created, host, user,
          new_bytes, metadata, pointer_path) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      entry.id, pathRow, version, manifest, run, entry.parent, entry.step, entry.epoch, entry.time, entry.host,
      entry.user, entry.newBytes ?? 0, try json(entry.metadata),
      entry.pointer == true ? entry.pointerPath ?? path : nil,
    ])
    let id = db.lastInsertedRowID
    for (name, value) in entry.metrics ?? [:] {
      try db.cachedStatement(sql: "INSERT INTO metric (checkpoint_id, name, value) VALUES (?, ?, ?)")
        .execute(arguments: [id, name, value])
    }
    try tag(entry)
  }

  private func removeCheckpoint(_ uid: String) throws {
    let find = try db.cachedStatement(sql: "SELECT id, manifest_id FROM checkpoint WHERE uid = ?")
    guard let row = try Row.fetchOne(find, arguments: [uid]) else { return }
    try db.cachedStatement(sql: "DELETE FROM checkpoint WHERE id = ?").execute(arguments: [row.value(0) as Int64])
    if reachesBelowManifests { try References(db: db, memo: memo).releaseManifest(row.value(1)) }
  }

  func pathID(_ name: String, version: Int) throws -> Int64 {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO path (name, last_version) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET last_version = max(last_version, excluded.last_version) RETURNING id
        """)
    return try Int64.fetchOne(statement, arguments: [name, version]) ?? 0
  }

  func json(_ metadata: [String: JSONValue]?) throws -> String {
    String(decoding: try JSONValue.object(metadata ?? [:]).serialized(), as: UTF8.self)
  }

  // MARK: Manifests

  /// The id of the manifest's row, whose count has gone up by one.
  private func retainManifest(_ digest: Digest) throws -> Int64 {
    let find = try db.cachedStatement(
      sql: "SELECT m.id FROM manifest m JOIN blob b ON b.id = m.blob_id WHERE b.digest = ?")
    if let id = try Int64.fetchOne(find, arguments: [digest.data]) {
      try db.cachedStatement(sql: "UPDATE manifest SET refs = refs + 1 WHERE id = ?").execute(arguments: [id])
      if let known, known.digest == digest {
        // All that it names is in place now, what this save had to write perhaps in other places than before.
        if known.hasNewBlobs, reachesBelowManifests { _ = try manifestRows.place(known.manifest, present: true) }
        try db.cachedStatement(sql: "UPDATE manifest SET state = 0 WHERE id = ? AND state = 1")
          .execute(arguments: [id])
      }
      return id
    }
    if let known, known.digest == digest {
      return try insertManifest(known, checked: true)
    }
    guard let read = try? ManifestFile(blobs: blobs).read(digest) else { return try insertUnreadable(digest) }
    return try insertManifest(read, checked: false)
  }

  private func insertUnreadable(_ digest: Digest) throws -> Int64 {
    let blob = try rows.blob(
      BlobFacts(digest: digest, size: 0, stored: 0, place: .zstd, crc32: 0))
    try db.execute(
      sql: """
        INSERT INTO manifest (blob_id, kind, tensor_count, size, metadata, state, refs)
        VALUES (?, '', 0, 0, '{}', \(ManifestState.unreadable.rawValue), 1)
        """, arguments: [blob])
    let id = db.lastInsertedRowID
    try setLists(.nothing, of: id)
    try References(db: db).retainBlob(blob)
    return id
  }

  private func insertManifest(_ file: KnownManifest, checked: Bool) throws -> Int64 {
    let manifest = file.manifest
    let blob = try rows.blob(
      BlobFacts(
        digest: file.digest, size: file.size, stored: file.storedSize, place: .zstd, crc32: file.crc32))
    let id =
      try Int64.fetchOne(db.cachedStatement(sql: "SELECT coalesce(max(id), 0) + 1 FROM manifest")) ?? 1
    let lists = try reachesBelowManifests ? manifestRows.list(manifest, present: checked, as: id) : .nothing
    try db.cachedStatement(
      sql: """
        INSERT INTO manifest (id, blob_id, kind, tensor_count, size, storage_bytes, metadata, state, refs)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
        """
    ).execute(arguments: [
      id, blob, manifest.kind, manifest.tensors.count, manifest.size, lists.storageBytes, try json(manifest.metadata),
      (lists.isWhole ? ManifestState.whole : .incomplete).rawValue,
    ])
    try setLists(lists, of: id)
    try References(db: db).retainBlob(blob)
    return id
  }

  private func setLists(_ lists: ManifestRows.Lists, of manifest: Int64) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO manifest_lists (manifest_id, tensors, storages) VALUES (?, ?, ?)
        ON CONFLICT (manifest_id) DO UPDATE SET tensors = excluded.tensors, storages = excluded.storages
        """
    ).execute(arguments: [
      manifest, PackedIDs.encode(lists.tensors).data, PackedIDs.encode(lists.storages).data,
    ])
  }

  /// Reads again the manifests that could not be read.
  func retryUnreadable() throws {
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT m.id, b.digest, b.id FROM manifest m JOIN blob b ON b.id = m.blob_id WHERE m.state > 0 AND m.state = 2 AND m.refs > 0
          """))
    for row in rows {
      guard let digest = try Digest(bytes: row.value(1) as Data),
        let file = try? ManifestFile(blobs: blobs).read(digest)
      else { continue }
      let manifest = file.manifest
      let lists = try manifestRows.list(manifest, present: false, as: row.value(0))
      try db.execute(
        sql: """
          UPDATE manifest SET kind = ?, tensor_count = ?, size = ?, storage_bytes = ?, metadata = ?, state = ?
          WHERE id = ?
          """,
        arguments: [
          manifest.kind, manifest.tensors.count, manifest.size, lists.storageBytes, try json(manifest.metadata),
          (lists.isWhole ? ManifestState.whole : .incomplete).rawValue, row.value(0) as Int64,
        ])
      try setLists(lists, of: row.value(0))
      try db.execute(
        sql: "UPDATE blob SET size = ?, stored = ?, crc32 = ? WHERE id = ?",
        arguments: [file.size, file.storedSize, Int64(file.crc32), row.value(2) as Int64])
    }
  }

  // MARK: Packs

  private func movePack(_ from: Digest, to: Digest?) throws {
    let rows = self.rows
    guard let old = try rows.findPack(from) else { return }
    // Blobs at 0 stay behind and go with the old pack; so do those that no copy holds, if there is none.
    guard let to else { return }
    // Read again later: a save may have made the old one anew, after the new one was lost.
    if try !blobs.hasPack(to) && blobs.hasPack(from) { return }
    let new = try rows.pack(to)
    let moved =
      try Int.fetchOne(
        db, sql: "SELECT count(*) FROM blob WHERE pack_id = ? AND refs > 0", arguments: [old]) ?? 0
    try db.execute(sql: "UPDATE blob SET pack_id = ? WHERE pack_id = ? AND refs > 0", arguments: [new, old])
    try db.execute(sql: "UPDATE pack SET refs = refs + ? WHERE id = ?", arguments: [moved, new])
    try db.execute(sql: "UPDATE pack SET refs = refs - ? WHERE id = ?", arguments: [moved, old])
  }
}

/// How much of a checkpoint is there.
enum ManifestState: Int {
  case whole = 0
  case incomplete = 1
  case unreadable = 2
}

extension Manifest {
  /// What the index calls its kind.
  package var kind: String {
    switch content {
    case .state: return "state"
    case .files(let files): return files.count == 1 && files[0].path.isEmpty ? "file" : "directory"
    }
  }
}
