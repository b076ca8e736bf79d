import Foundation
import GRDB

/// The rows of blobs and packs: finding them, making them (with a count of 0), moving them.
struct BlobRows {
  enum Place: Int {
    case raw = 0
    case zstd = 1
    case pack = 2
  }

  let db: Database
  let blobs: BlobStore
  let packs: Packs
  private let statements: RapidStatements

  init(db: Database, blobs: BlobStore, packs: Packs) {
    (self.db, self.blobs, self.packs) = (db, blobs, packs)
    statements = RapidStatements(db)
  }

  func findPack(_ digest: Digest) throws -> Int64? {
    try Int64.fetchOne(db.cachedStatement(sql: "SELECT id FROM pack WHERE digest = ?"), arguments: [digest.data])
  }

  func pack(_ digest: Digest) throws -> Int64 {
    if let id = try findPack(digest) { return id }
    try db.cachedStatement(sql: "INSERT INTO pack (digest) VALUES (?)").execute(arguments: [digest.data])
    return db.lastInsertedRowID
  }

  /// The row of a blob; made if there is none.
  func blob(_ facts: BlobFacts) throws -> Int64 { try update(facts) ?? insert(facts) }

  /// Makes the row of a blob that has none, with a count of 0.
  func insert(_ facts: BlobFacts) throws -> Int64 {
    try facts.insert(statements, id: nil, refs: 0)
    return db.lastInsertedRowID
  }

  /// Brings the row of a blob up to date; nil if there is none.
  func update(_ facts: BlobFacts) throws -> Int64? {
    guard let row = try BlobRow(facts.digest, statements) else { return nil }
    if row.refs == 0 {
      // Nothing in it is to be trusted: that of a manifest which could not be read knows no sizes. What is not needed is
      // in no pack's count either.
      try db.cachedStatement(
        sql: "UPDATE blob SET size = ?, stored = ?, place = ?, pack_id = ?, crc32 = ? WHERE id = ?"
      ).execute(arguments: [
        facts.size, facts.stored, facts.place.rawValue, facts.pack, Int64(facts.crc32), row.id,
      ])
    } else if row.packID != facts.pack, try file(of: row) == nil {
      // One that is needed stays where it is (a raw and a compressed file serve alike): two saves that wrote it at once
      // put it into two packs, and the first one's word counts. Unless it is no longer there: then this save has healed
      // it.
      try move(row, to: facts.place, stored: facts.stored, pack: facts.pack)
    }
    return row.id
  }

  /// The file of a blob, if it is there, long enough, and if it is a pack has the blob.
  private func file(of row: BlobRow) throws -> String? {
    if let pack = row.pack {
      return packs.holds(pack, row.digest, length: row.size) ? blobs.path(pack, .pack) : nil
    }
    return try blobs.ownFile(row.digest, length: row.size).map { blobs.path(row.digest, $0.encoding) }
  }

  func move(_ row: BlobRow, to place: Place, stored: Int, pack: Int64?) throws {
    try db.cachedStatement(sql: "UPDATE blob SET place = ?, stored = ?, pack_id = ? WHERE id = ?")
      .execute(arguments: [place.rawValue, stored, pack, row.id])
    guard row.refs > 0 else { return }
    let change = try db.cachedStatement(sql: "UPDATE pack SET refs = refs + ? WHERE id = ?")
    if let old = row.packID { try change.execute(arguments: [-1, old]) }
    if let pack { try change.execute(arguments: [1, pack]) }
  }

  /// Points to a pack the blobs in it that are needed and are no longer where their rows say; returns whether any blob
  /// that is needed lies there then.
  ///
  /// Asked before a pack leaves its place: which pack a blob lies in is found out anew by a rebuilt index, from what is
  /// there, and so the last copy of a blob may be in a pack that an index does not know.
  func adopt(_ pack: Digest) throws -> Bool {
    guard let table = try? packs.table(pack) else { return false }
    var isNeeded = false
    for entry in table.entries {
      guard let row = try BlobRow(entry.digest, statements), row.refs > 0, row.size == entry.length else { continue }
      if row.pack == pack {
        isNeeded = true
      } else if let other = try file(of: row) {
        // This copy goes because of that one, which may have its name from a process that died before it was durable.
        try packs.makeDurable(other)
      } else {
        try move(row, to: .pack, stored: entry.length, pack: self.pack(pack))
        isNeeded = true
      }
    }
    return isNeeded
  }
}

/// What a blob's row says of it.
struct BlobFacts {
  var digest: Digest
  var size: Int
  var stored: Int
  var place: BlobRows.Place
  /// The row of the pack that it lies in; nil if it has a file of its own.
  var pack: Int64?
  var crc32: UInt32

  /// Makes a row of it; with no id it gets the next one.
  func insert(_ statements: RapidStatements, id: Int64?, refs: Int) throws {
    let insert = try statements[
      "INSERT INTO blob (id, digest, size, stored, place, pack_id, crc32, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"]
    try insert.bind(1, id)
    try insert.bind(2, digest)
    try insert.bind(3, size)
    try insert.bind(4, stored)
    try insert.bind(5, place.rawValue)
    try insert.bind(6, pack)
    try insert.bind(7, Int64(crc32))
    try insert.bind(8, refs)
    try insert.run()
  }
}

/// A blob's row.
struct BlobRow {
  var id: Int64
  var digest: Digest
  var size: Int
  var place: BlobRows.Place
  var packID: Int64?
  var pack: Digest?
  var refs: Int

  /// The row of a digest; nil if there is none.
  init?(_ digest: Digest, _ db: Database) throws { try self.init(digest, RapidStatements(db)) }

  init?(_ digest: Digest, _ statements: RapidStatements) throws {
    let find = try statements[
      """
      SELECT b.id, b.size, b.place, b.pack_id, p.digest, b.refs FROM blob b LEFT JOIN pack p ON p.id = b.pack_id
      WHERE b.digest = ?
      """]
    try find.bind(1, digest)
    guard let row = try find.first({ Self(digest, $0) }) else { return nil }
    self = row
  }

  private init(_ digest: Digest, _ row: RapidStatement) {
    self.digest = digest
    id = row.integer(0)
    size = Int(row.integer(1))
    place = BlobRows.Place(rawValue: Int(row.integer(2))) ?? .raw
    packID = row.optionalInteger(3)
    pack = row.digest(4)
    refs = Int(row.integer(5))
  }
}

extension Digest {
  /// The 32 bytes as SQLite keeps them.
  var data: Data { Data(bytes) }
}

extension [UInt8] {
  var data: Data { Data(self) }
}
