import Foundation
import GRDB

/// The rows of blobs and packs: finding them, making them (with a count of 0).
struct BlobRows {
  enum Place: Int {
    case raw = 0
    case zstd = 1
    case pack = 2
  }

  let db: Database

  func findPack(_ digest: Digest) throws -> Int64? {
    try Int64.fetchOne(db.cachedStatement(sql: "SELECT id FROM pack WHERE digest = ?"), arguments: [digest.data])
  }

  func pack(_ digest: Digest) throws -> Int64 {
    if let id = try findPack(digest) { return id }
    try db.cachedStatement(sql: "INSERT INTO pack (digest) VALUES (?)").execute(arguments: [digest.data])
    return db.lastInsertedRowID
  }

  /// The row of a blob that has a file of its own.
  func ownFile(_ digest: Digest, size: Int, stored: Int, place: Place) throws -> Int64 {
    try blob(digest, size: size, stored: stored, place: place, pack: nil)
  }

  /// The row of a blob that lies in a pack.
  func packed(_ digest: Digest, size: Int, pack: Int64) throws -> Int64 {
    try blob(digest, size: size, stored: size, place: .pack, pack: pack)
  }

  private func blob(_ digest: Digest, size: Int, stored: Int, place: Place, pack: Int64?) throws -> Int64 {
    let find = try db.cachedStatement(sql: "SELECT id, place, pack_id, refs FROM blob WHERE digest = ?")
    guard let row = try Row.fetchOne(find, arguments: [digest.data]) else {
      try db.cachedStatement(
        sql: "INSERT INTO blob (digest, size, stored, place, pack_id) VALUES (?, ?, ?, ?, ?)"
      ).execute(arguments: [digest.data, size, stored, place.rawValue, pack])
      return db.lastInsertedRowID
    }
    let id: Int64 = row[0]
    let oldPack: Int64? = row[2]
    // A raw and a compressed file serve alike; a blob that a save wrote anew lies where that put it.
    if oldPack != pack || (row[1] as Int) != place.rawValue && (row[3] as Int) == 0 {
      try db.cachedStatement(sql: "UPDATE blob SET place = ?, stored = ?, pack_id = ? WHERE id = ?")
        .execute(arguments: [place.rawValue, stored, pack, id])
      if row[3] as Int > 0 {
        if let oldPack {
          try db.cachedStatement(sql: "UPDATE pack SET refs = refs - 1 WHERE id = ?").execute(arguments: [oldPack])
        }
        if let pack {
          try db.cachedStatement(sql: "UPDATE pack SET refs = refs + 1 WHERE id = ?").execute(arguments: [pack])
        }
      }
    }
    return id
  }
}

extension Digest {
  /// The 32 bytes as SQLite keeps them.
  var data: Data { Data(bytes) }
}

extension [UInt8] {
  var data: Data { Data(self) }
}
