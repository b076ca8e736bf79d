import Foundation
import GRDB

/// What manifests list, one at a time: the only place of ``Holdings`` that knows how the index keeps that.
struct ManifestLists {
  struct Lists {
    var blob: Int64
    var tensors: [Int64]
    /// The storages that no tensor names.
    var storages: [Int64]
  }

  private let statement: Statement

  init(_ db: Database) throws {
    statement = try db.makeStatement(
      sql: """
        SELECT m.blob_id, coalesce(l.tensors, x''), coalesce(l.storages, x'')
        FROM manifest m LEFT JOIN manifest_lists l ON l.manifest_id = m.id WHERE m.id = ?
        """)
  }

  /// Calls `body` with the lists of a manifest, if there is one with this id.
  func read(_ manifest: Int64, _ body: (Lists) throws -> Void) throws {
    guard let row = try Row.fetchOne(statement, arguments: [manifest]) else { return }
    try body(
      Lists(
        blob: row.value(0), tensors: PackedIDs.decode(row.value(1) as Data),
        storages: PackedIDs.decode(row.value(2) as Data)))
  }
}
