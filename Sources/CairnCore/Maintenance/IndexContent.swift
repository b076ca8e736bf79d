import Foundation
import GRDB

/// What an index says, each thing by its own name and not by its row: two indexes of the same log and the same manifests
/// say the same, in whatever order their rows came to be.
///
/// Left out is where blobs lie, which changes as packs are rewritten and is looked up on the disk anyway.
struct IndexContent {
  /// What is said of each thing, as a digest.
  private(set) var said: [String: Digest] = [:]
  /// Manifests of which nothing can be said, since they could not be read.
  private(set) var unread: Set<String> = []

  private var storages: [Int64: Digest] = [:]
  private var tensors: [Int64: Digest] = [:]

  init(_ db: Database) throws {
    try readStorages(db)
    try readTensors(db)
    try readManifests(db)
    try readCheckpoints(db)
    try read(db, "path", "SELECT name, name, last_version FROM path WHERE last_version > 0")
    try read(db, "run", "SELECT uid, uid, name, created, metadata FROM run")
    storages = [:]
    tensors = [:]
  }

  /// The things of which the two do not say the same, sorted.
  func differences(from other: IndexContent) -> [String] {
    let unread = unread.union(other.unread)
    return Set(said.keys).union(other.said.keys).filter { said[$0] != other.said[$0] && !unread.contains($0) }.sorted()
  }

  private mutating func readStorages(_ db: Database) throws {
    var blobs: [Int64: Digest] = [:]
    let blobRows = try Row.fetchCursor(db, sql: "SELECT id, digest, size, crc32 FROM blob WHERE refs > 0")
    while let row = try blobRows.next() { blobs[try row.value(0)] = Self.digest(row, from: 1) }
    let rows = try Row.fetchCursor(db, sql: "SELECT id, size, first_blob, blobs FROM storage WHERE refs > 0")
    while let row = try rows.next() {
      let listed = try PackedIDs.decode(row.value(3) as Data)
      var text = Self.bytes(row, 1..<2)
      if try row.value(2) as Int64 != listed.first ?? 0 { text.append(1) }
      for id in listed { text += blobs[id, default: .zero].bytes }
      storages[try row.value(0)] = Digest(hashing: text)
    }
  }

  private mutating func readTensors(_ db: Database) throws {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT t.id, t.storage_id, n.name, y.dtype, y.shape, y.strides, t.byte_offset FROM tensor t
          JOIN tensor_name n ON n.id = t.name_id JOIN tensor_type y ON y.id = t.type_id WHERE t.refs > 0
        """)
    while let row = try rows.next() {
      let storage = storages[try row.value(1), default: .zero]
      tensors[try row.value(0)] = Digest(hashing: Self.bytes(row, 2..<row.count) + storage.bytes)
    }
  }

  private mutating func readManifests(_ db: Database) throws {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT b.digest, m.state, coalesce(l.tensors, x''), coalesce(l.storages, x''),
          m.kind, m.tensor_count, m.size, m.storage_bytes, m.metadata
        FROM manifest m JOIN blob b ON b.id = m.blob_id LEFT JOIN manifest_lists l ON l.manifest_id = m.id
        WHERE m.refs > 0
        """)
    while let row = try rows.next() {
      let name = "manifest " + (Digest(bytes: try row.value(0) as Data) ?? .zero).hex
      if try row.value(1) as Int == ManifestState.unreadable.rawValue { unread.insert(name) }
      var text = Self.bytes(row, 4..<row.count)
      for id in try PackedIDs.decode(row.value(2) as Data) { text += tensors[id, default: .zero].bytes }
      text.append(0)
      for id in try PackedIDs.decode(row.value(3) as Data) { text += storages[id, default: .zero].bytes }
      said[name] = Digest(hashing: text)
    }
  }

  private mutating func readCheckpoints(_ db: Database) throws {
    var order: [UInt8] = []
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT c.id, c.uid, p.name, c.version, b.digest, r.uid, c.parent, c.step, c.epoch, c.created, c.host, c.user,
          c.new_bytes, c.metadata, c.pointer_path
        FROM checkpoint c JOIN path p ON p.id = c.path_id JOIN manifest m ON m.id = c.manifest_id
          JOIN blob b ON b.id = m.blob_id LEFT JOIN run r ON r.id = c.run_id ORDER BY c.id
        """)
    while let row = try rows.next() {
      let id: Int64 = try row.value(0)
      var text = Self.bytes(row, 1..<row.count)
      for sql in [
        "SELECT name, value FROM metric WHERE checkpoint_id = ? ORDER BY name",
        "SELECT name FROM tag WHERE checkpoint_id = ? ORDER BY name",
      ] {
        let more = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: [id])
        while let row = try more.next() { text += Self.bytes(row, 0..<row.count) }
        text.append(0)
      }
      let uid: String = try row.value(1)
      said["checkpoint \(uid)"] = Digest(hashing: text)
      order += Self.bytes(row, 1..<2)
    }
    said["the order of checkpoints"] = Digest(hashing: order)
  }

  private mutating func read(_ db: Database, _ kind: String, _ sql: String) throws {
    let rows = try Row.fetchCursor(db, sql: sql)
    while let row = try rows.next() { said["\(kind) \(try row.value(0) as String)"] = Self.digest(row, from: 1) }
  }

  private static func digest(_ row: Row, from first: Int) -> Digest { Digest(hashing: bytes(row, first..<row.count)) }

  /// The values of columns, each with its type and length, so that no two rows give the same bytes.
  private static func bytes(_ row: Row, _ columns: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    for column in columns {
      let (type, value): (UInt8, [UInt8]) =
        switch (row[column] as DatabaseValue).storage {
        case .null: (0, [])
        case .int64(let number): (1, Array("\(number)".utf8))
        case .double(let number): (2, Array("\(number.bitPattern)".utf8))
        case .string(let text): (3, Array(text.utf8))
        case .blob(let data): (4, [UInt8](data))
        }
      bytes += [type] + Array("\(value.count):".utf8) + value
    }
    return bytes
  }
}
