import Foundation
import GRDB

/// Ascending lists of row ids, one for each row of another table, kept in pieces of bounded size: adding an id to a list
/// of ten thousand, or taking one from it, rewrites a few hundred bytes.
struct IDLists {
  /// Which lists.
  enum Table: String, CaseIterable {
    /// The manifests that list a tensor, but for the newest, which lie in the tensor's own row.
    case tensorManifests = "tensor_manifests"
    /// The tensors of a name, but for the newest, which lie in the name's own row.
    case nameTensors = "name_tensors"
    /// The manifests that list a storage by itself.
    case storageManifests = "storage_manifests"
    /// The storages of several blobs that a blob is in.
    case blobStorages = "blob_storages"

    var owner: String {
      switch self {
      case .tensorManifests: return "tensor_id"
      case .nameTensors: return "name_id"
      case .storageManifests: return "storage_id"
      case .blobStorages: return "blob_id"
      }
    }
  }

  /// How many ids a piece has at most.
  static let pieceLimit = 512

  let db: Database
  let table: Table

  /// All ids in the list of `owner`.
  func ids(of owner: Int64) throws -> [Int64] {
    let find = try db.cachedStatement(
      sql: "SELECT ids FROM \(table.rawValue) WHERE \(table.owner) = ? ORDER BY first")
    var ids: [Int64] = []
    let rows = try Row.fetchCursor(find, arguments: [owner])
    while let row = try rows.next() { try PackedIDs.forEach(in: row.value(0) as Data) { ids.append($0) } }
    return ids
  }

  /// Puts ids that are in order into a list; those that are there already stay.
  func insert(_ ids: some BidirectionalCollection<Int64>, into owner: Int64) throws {
    guard let first = ids.first else { return }
    guard let piece = try piece(of: owner, for: .max) else { return try insertPiece(first, Array(ids), owner) }
    // Nearly always they come behind all others.
    if let last = piece.ids.last, last < first {
      if piece.ids.count + ids.count <= Self.pieceLimit { return try update(piece, piece.ids + ids, owner) }
      return try insertPiece(first, Array(ids), owner)
    }
    for id in ids { try insertOne(id, into: owner) }
  }

  private func insertOne(_ id: Int64, into owner: Int64) throws {
    guard let piece = try piece(of: owner, for: id) else { return try insertPiece(id, [id], owner) }
    var ids = piece.ids
    let place = ids.firstIndex { $0 >= id } ?? ids.count
    if place < ids.count, ids[place] == id { return }
    ids.insert(id, at: place)
    if ids.count <= Self.pieceLimit { return try update(piece, ids, owner) }
    let middle = ids.count / 2
    try update(piece, Array(ids[..<middle]), owner)
    try insertPiece(ids[middle], Array(ids[middle...]), owner)
  }

  /// Takes an id from a list, if it is in it.
  func remove(_ id: Int64, from owner: Int64) throws {
    guard let piece = try piece(of: owner, for: id) else { return }
    let rest = piece.ids.filter { $0 != id }
    if !rest.isEmpty { return try update(piece, rest, owner) }
    try db.cachedStatement(sql: "DELETE FROM \(table.rawValue) WHERE \(table.owner) = ? AND first = ?")
      .execute(arguments: [owner, piece.first])
  }

  private struct Piece {
    var first: Int64
    var ids: [Int64]
  }

  /// The piece in which an id is if it is in the list.
  private func piece(of owner: Int64, for id: Int64) throws -> Piece? {
    let find = try db.cachedStatement(
      sql: """
        SELECT first, ids FROM \(table.rawValue) WHERE \(table.owner) = ? AND first <= ? ORDER BY first DESC LIMIT 1
        """)
    return try Row.fetchOne(find, arguments: [owner, id]).map { row in
      try Piece(first: row.value(0), ids: try PackedIDs.decode(row.value(1) as Data))
    }
  }

  private func insertPiece(_ first: Int64, _ ids: [Int64], _ owner: Int64) throws {
    try db.cachedStatement(sql: "INSERT INTO \(table.rawValue) (\(table.owner), first, ids) VALUES (?, ?, ?)")
      .execute(arguments: [owner, first, PackedIDs.encode(ids).data])
  }

  private func update(_ piece: Piece, _ ids: [Int64], _ owner: Int64) throws {
    try db.cachedStatement(sql: "UPDATE \(table.rawValue) SET ids = ? WHERE \(table.owner) = ? AND first = ?")
      .execute(arguments: [PackedIDs.encode(ids).data, owner, piece.first])
  }
}
