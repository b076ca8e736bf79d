import GRDB
import GRDBSQLite

/// What refers to what below the manifests, as arrays: of everything that is referenced, about 60 bytes for a tensor
/// and its storage and blob.
///
/// Who holds what is asked of 10 million references at a time: a row of SQL for each would take a minute.
struct ReferenceGraph {
  private(set) var tensors: RowNumbers
  /// By tensor: its storage, its name's id.
  private(set) var storageOfTensor: [Int32] = []
  private(set) var nameOfTensor: [Int64] = []

  private(set) var storages: RowNumbers
  private(set) var storageSizes: [Int] = []
  /// By storage: where its blobs begin in ``blobItems``; one more at the end.
  private(set) var blobStarts: [Int32] = [0]
  private(set) var blobItems: [Int32] = []

  private(set) var blobs: RowNumbers
  /// By blob: the bytes it takes, in a file of its own or in a pack; the pack, or -1.
  private(set) var blobBytes: [Int] = []
  private(set) var packOfBlob: [Int32] = []

  private(set) var packs: RowNumbers
  /// By pack: the bytes of its file.
  private(set) var packBytes: [Int] = []

  init(_ db: Database, _ store: BlobStore) throws {
    func count(_ table: String) throws -> Int {
      try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) WHERE refs > 0") ?? 0
    }
    packs = RowNumbers(rows: try count("pack"))
    blobs = RowNumbers(rows: try count("blob"))
    storages = RowNumbers(rows: try count("storage"))
    tensors = RowNumbers(rows: try count("tensor"))
    try readPacks(db, store)
    try readBlobs(db)
    try readStorages(db)
    try readTensors(db)
  }

  private mutating func readPacks(_ db: Database, _ store: BlobStore) throws {
    try RawRows(db, "SELECT id, digest FROM pack WHERE refs > 0 ORDER BY id").forEach { row in
      guard let digest = Digest(bytes: row.bytes(1)) else { return }
      packs.add(row.integer(0))
      // Its bytes are in no table: an index made anew does not read the blobs.
      packBytes.append(try Files.status(store.path(digest, .pack))?.size ?? 0)
    }
  }

  private mutating func readBlobs(_ db: Database) throws {
    try RawRows(db, "SELECT id, stored, pack_id FROM blob WHERE refs > 0 ORDER BY id").forEach { row in
      blobs.add(row.integer(0))
      blobBytes.append(max(0, Int(row.integer(1))))
      packOfBlob.append(row.isNull(2) ? -1 : Int32(packs[row.integer(2)] ?? -1))
    }
  }

  private mutating func readStorages(_ db: Database) throws {
    try RawRows(db, "SELECT id, size, blobs FROM storage WHERE refs > 0 ORDER BY id").forEach { row in
      storages.add(row.integer(0))
      storageSizes.append(max(0, Int(row.integer(1))))
      for id in try PackedIDs.decode(row.bytes(2)) {
        if let blob = blobs[id] { blobItems.append(Int32(blob)) }
      }
      blobStarts.append(Int32(clamping: blobItems.count))
    }
  }

  private mutating func readTensors(_ db: Database) throws {
    try RawRows(db, "SELECT id, storage_id, name_id FROM tensor WHERE refs > 0 ORDER BY id").forEach { row in
      tensors.add(row.integer(0))
      storageOfTensor.append(storages[row.integer(1)].map { Int32($0) } ?? -1)
      nameOfTensor.append(row.integer(2))
    }
  }

  /// The blobs of a storage.
  func blobs(ofStorage storage: Int) -> ArraySlice<Int32> {
    blobItems[Int(blobStarts[storage])..<Int(blobStarts[storage + 1])]
  }
}

/// The rows that a statement gives, read straight from SQLite: a tenth of the time, which counts for a million of them.
struct RawRows {
  private let statement: Statement

  init(_ db: Database, _ sql: String) throws { statement = try db.makeStatement(sql: sql) }

  /// The row that a statement is at.
  struct Row {
    fileprivate let statement: OpaquePointer

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    /// Valid until the next row.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(
        start: sqlite3_column_blob(statement, column), count: Int(sqlite3_column_bytes(statement, column)))
    }

    func text(_ column: Int32) -> String {
      guard let text = sqlite3_column_text(statement, column) else { return "" }
      let count = Int(sqlite3_column_bytes(statement, column))
      return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }
  }

  /// With the bounds of a range as its two arguments.
  func forEach(from first: Int64, to last: Int64, _ body: (Row) throws -> Void) throws {
    try statement.setArguments([first, last])
    try forEach(body)
  }

  func forEach(_ body: (Row) throws -> Void) throws {
    let pointer = statement.sqliteStatement
    defer { sqlite3_reset(pointer) }
    while true {
      let code = sqlite3_step(pointer)
      switch code {
      case SQLITE_ROW: try body(Row(statement: pointer))
      case SQLITE_DONE: return
      default:
        throw DatabaseError(
          resultCode: ResultCode(rawValue: code),
          message: sqlite3_db_handle(pointer).map { String(cString: sqlite3_errmsg($0)) }, sql: statement.sql)
      }
    }
  }
}
