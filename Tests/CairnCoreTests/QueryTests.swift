import Foundation
import GRDBSQLite
import Testing

@testable import CairnCore

@Suite struct QueryTests {
  private func seeded(_ scratch: Scratch, _ journal: JournalMode = .wal) throws -> Repository {
    let repository = try scratch.repository(journal)
    let shared = bytes(100_000, seed: 1)
    for step in 1...3 {
      var request = SaveRequest(path: step == 3 ? "dir/it's.ckpt" : "last.ckpt")
      request.run = step == 2 ? nil : "resnet"
      request.step = step * 10
      request.metrics = ["loss": 1 / Double(step)]
      request.tags = step == 2 ? ["best", "a tag"] : []
      request.metadata = ["lr": .double(0.1)]
      _ = try repository.save(content([shared, bytes(300, seed: UInt64(step + 1))]), request)
    }
    return repository
  }

  /// Everything in the repository but the shared memory of SQLite's readers.
  private func state(of repository: Repository) throws -> [String: Data] {
    var state: [String: Data] = [:]
    for name in FileManager.default.subpaths(atPath: repository.path) ?? [] where !name.hasSuffix("-shm") {
      let file = repository.path + "/" + name
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else { continue }
      state[name] = isDirectory.boolValue ? Data() : try Data(contentsOf: URL(filePath: file))
    }
    return state
  }

  @Test(arguments: [JournalMode.wal, .delete])
  func whatDoesMoreThanReadIsRefused(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch, journal)
    let place = scratch.path
    // What was refused must not have left anything behind for the next one, either.
    let hostile = [
      "", "  -- nothing\n", ";", "nonsense", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE blob",
      "SELECT 1;;DELETE FROM tag",
      "INSERT INTO tag VALUES ('x', 1)", "UPDATE blob SET refs = 0", "DELETE FROM checkpoint",
      "DELETE FROM checkpoint RETURNING uid", "REPLACE INTO tag VALUES ('best', 1)",
      "WITH x AS (SELECT 1) DELETE FROM tag RETURNING name", "INSERT INTO checkpoints SELECT * FROM checkpoints",
      "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "CREATE TEMP TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1",
      "CREATE TEMP TRIGGER x INSTEAD OF INSERT ON runs BEGIN SELECT 1; END", "CREATE INDEX x ON blob (size)",
      "CREATE VIRTUAL TABLE x USING fts5(a)", "CREATE VIRTUAL TABLE temp.x USING packed_ids", "DROP TABLE blob",
      "DROP VIEW tensors", "ALTER TABLE blob ADD COLUMN x", "ANALYZE", "REINDEX", "VACUUM",
      "VACUUM INTO '\(place)/copy'", "ATTACH '\(place)/other' AS other", "ATTACH ':memory:' AS other", "DETACH main",
      "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT x", "RELEASE x", "BEGIN; SELECT 1",
      "PRAGMA journal_mode", "PRAGMA journal_mode = DELETE", "PRAGMA query_only = 0", "PRAGMA writable_schema = 1",
      "PRAGMA user_version = 7", "PRAGMA wal_checkpoint", "PRAGMA temp_store_directory = '\(place)'",
      "PRAGMA hard_heap_limit = 0", "PRAGMA trusted_schema = 1", "PRAGMA main.synchronous = 0", "PRAGMA optimize",
      "PRAGMA incremental_vacuum", "PRAGMA mmap_size = 1000000000", "PRAGMA cache_size = -1000000",
      "SELECT * FROM pragma_wal_checkpoint", "SELECT * FROM pragma_journal_mode('delete')",
      "SELECT * FROM pragma_database_list", "SELECT * FROM dbstat", "SELECT * FROM sqlite_dbpage",
      "SELECT load_extension('\(place)/x.so')", "SELECT fts3_tokenizer('simple')", "SELECT fts3_tokenizer('x', x'00')",
      "SELECT readfile('/etc/hostname')", "SELECT writefile('\(place)/x', 'y')", "SELECT edit('x')",
      "SELECT * FROM fsdir('.')", "SELECT * FROM generate_series(1, 2)", "UPDATE sqlite_schema SET sql = ''",
      "SELECT \"resnet\"", "SELECT ?", "SELECT :name", "SELECT packed_ids(1)", "SELECT * FROM packed_ids",
      "SELECT value FROM packed_ids(x'80')", "SELECT 1\u{0}; DROP TABLE blob", "EXPLAIN DELETE FROM tag",
      "SELECT zeroblob(2000000000)", "SELECT length(randomblob(1000000000))",
      "SELECT hex(zeroblob(16000000))",
      "SELECT 1" + String(repeating: ", 1", count: 3_000), "SELECT " + String(repeating: "(", count: 5_000) + "1",
      "SELECT 1" + String(repeating: " UNION SELECT 1", count: 1_000),
      "SELECT 1 LIKE '" + String(repeating: "%a", count: 1_000) + "'", String(repeating: " ", count: 2_000_000) + "x",
    ]
    let before = try state(of: repository)
    for sql in hostile {
      #expect(failure { try repository.query(sql) } != nil, "\(sql.prefix(80))")
      #expect(try repository.query("SELECT count(*) FROM checkpoints").rows == [[.integer(3)]])
    }
    #expect(try state(of: repository) == before)
    #expect(Set(try FileManager.default.contentsOfDirectory(atPath: place)) == [".cairn"])
  }

  @Test func aQueryIsStoppedAtItsLimits() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    let endless = "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT max(n) FROM x"
    var limits = QueryLimits(seconds: 0.05)
    #expect(failure { try repository.query(endless, limits: limits) } == .cancelled)
    #expect(message { try repository.query(endless, limits: limits) }.contains("stopped after 0.05 s"))
    #expect(
      failure {
        try repository.query(
          "SELECT count(*) FROM blobs a, blobs b, blobs c, blobs d, blobs e, blobs f, "
            + "blobs g, blobs h, blobs i, blobs j, blobs k", limits: limits)
      } == .cancelled)
    limits = QueryLimits(memory: 8 << 20)
    let large =
      "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x LIMIT 20) "
      + "SELECT "
      + (0..<20).map { "max(n || hex(randomblob(1000000)) || \($0))" }.joined(separator: ", ")
      + " FROM x"
    #expect(message { try repository.query(large, limits: limits) }.contains("too much memory"))
    var asked = 0
    let stopped = failure {
      try repository.query(
        endless,
        isCancelled: {
          asked += 1
          return asked > 10
        }, columns: { _ in }, row: { _ in })
    }
    #expect(stopped == .cancelled)
    // What the caller does with a row is not the query's time.
    var rows = 0
    try repository.query("SELECT * FROM checkpoints", limits: QueryLimits(seconds: 0.2), columns: { _ in }) { _ in
      usleep(150_000)
      rows += 1
    }
    #expect(rows == 3)
  }

  @Test func whatIsSortedTakesMemoryAndNoDisk() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    let endless =
      "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT n, hex(randomblob(500)) AS r FROM x"
    for sql in [
      endless + " ORDER BY r", endless.replacing("SELECT n,", with: "SELECT DISTINCT n,") + " LIMIT -1 OFFSET 1e9",
    ] {
      let said = message { try repository.query(sql, limits: QueryLimits(memory: 32 << 20)) }
      #expect(said.contains("too much memory"))
    }
  }

  /// One comparison is one instruction, within which nothing can stop it.
  @Test func aPatternIsShort() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    let longest = "%" + String(repeating: "0", count: 49)
    #expect(try repository.query("SELECT '0' LIKE ?", arguments: [.text(longest)]).rows == [[.integer(0)]])
    for operation in ["LIKE", "GLOB"] {
      #expect(
        failure { try repository.query("SELECT '0' \(operation) ?", arguments: [.text(longest + "0")]) } == .invalid)
    }
  }

  /// As it does where SQLite does not ask its progress handler.
  @Test func theWatchdogInterruptsAtTheDeadlineAndNotBefore() throws {
    var opened: OpaquePointer?
    #expect(sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil) == SQLITE_OK)
    let connection = try #require(opened)
    defer { sqlite3_close_v2(connection) }
    let watchdog = try QueryWatchdog(connection)
    func run(_ sql: String) -> Int32 { sqlite3_exec(connection, sql, nil, nil, nil) }
    let endless = "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT max(n) FROM x"
    watchdog.begin(deadline: .now + .milliseconds(50))
    #expect(run(endless) == SQLITE_INTERRUPT)
    watchdog.end()
    #expect(run("SELECT 1") == SQLITE_OK)
    watchdog.begin(deadline: .now + .seconds(1e9))
    #expect(run("SELECT 1") == SQLITE_OK)
  }

  @Test func whatIsWrongWithAVirtualTableIsSaid() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    #expect(failure { try repository.query("SELECT * FROM packed_ids(x'ffffff')") } == .invalid)
    #expect(message { try repository.query("SELECT * FROM packed_ids(x'ffffff')") }.contains("no list of ids"))
    let refused = message { try repository.query("SELECT * FROM dbstat") }
    #expect(refused.contains("dbstat is not offered") || refused.contains("no such table"))
    #expect(message { try repository.query("CREATE TABLE x (a)") }.contains("is refused: a query only reads"))
  }

  @Test func theViewsHaveTheColumnsThatAreDocumented() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    #expect(QueryView.all.map(\.name) == ["checkpoints", "tensors", "runs", "metrics", "blobs"])
    for view in QueryView.all {
      let found = try repository.query("SELECT * FROM \(view.name)")
      #expect(found.columns == view.columns.map(\.name))
      #expect(!found.rows.isEmpty)
    }
  }

  @Test(arguments: [JournalMode.wal, .delete])
  func theViewsSayWhatTheCheckpointsHold(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch, journal)
    let record = try repository.checkpoint(PathName(path: "last.ckpt", version: 2))
    let row = try repository.query(
      "SELECT checkpoint, id, run, step, tags, bytes, new_bytes, tensors, manifest, state, parent, "
        + "json_extract(metadata, '$.lr') FROM checkpoints WHERE path = ? AND version = ?",
      arguments: [.text("last.ckpt"), .integer(2)])
    #expect(
      row.rows == [
        [
          .text("last.ckpt@2"), .text(record.id), .null, .integer(20), .text(#"["a tag","best"]"#),
          .integer(Int64(record.size)), .integer(Int64(record.newBytes)), .integer(2), .text(record.manifest.hex),
          .text("whole"), .text("last.ckpt@1"), .real(0.1),
        ]
      ])
    try repository.withCheckpoint(PathName(parsing: "last.ckpt@2")) { _, stored in
      let tensors = try repository.query(
        "SELECT position, name, dtype, shape, strides, byte_offset, bytes, storage_bytes, digests FROM tensors "
          + "WHERE checkpoint = 'last.ckpt@2'")
      let expected = stored.manifest.tensors.enumerated().map { index, tensor -> [QueryValue] in
        let storage = stored.manifest.storages[tensor.storage]
        let digests = storage.chunks.map { "\"\(stored.manifest.chunks[$0].digest)\"" }.joined(separator: ",")
        return [
          .integer(Int64(index)), .text(tensor.name), .text("uint8"), .text("[\(tensor.shape[0])]"), .text("[1]"),
          .integer(0), .integer(Int64(tensor.shape[0])), .integer(Int64(storage.size)), .text("[\(digests)]"),
        ]
      }
      #expect(tensors.rows == expected)
    }
    // The same bytes are the same storage.
    #expect(
      try repository.query("SELECT count(DISTINCT storage), count(*) FROM tensors GROUP BY name ORDER BY name").rows
        == [[.integer(1), .integer(3)], [.integer(3), .integer(3)]])
    #expect(
      try repository.query("SELECT checkpoint, value FROM metrics WHERE run = 'resnet' ORDER BY value").rows
        == [[.text("dir/it's.ckpt@1"), .real(1 / 3)], [.text("last.ckpt@1"), .real(1)]])
    #expect(
      try repository.query("SELECT name, checkpoints, last_step FROM runs").rows
        == [[.text("resnet"), .integer(2), .integer(30)]])
    let places = try repository.query(
      "SELECT place, count(*), sum(pack IS NULL), min(length(digest)), min(refs) FROM blobs GROUP BY place ORDER BY place"
    )
    #expect(
      places.rows == [
        [.text("pack"), .integer(3), .integer(0), .integer(64), .integer(1)],
        [.text("raw"), .integer(2), .integer(2), .integer(64), .integer(1)],
        [.text("zstd"), .integer(3), .integer(3), .integer(64), .integer(1)],
      ])
  }

  @Test func valuesComeAsTheyAre() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    let values: [QueryValue] = [
      .null, .integer(.min), .integer(.max), .real(0.1), .real(-.infinity), .text(""), .text("a\u{0}b 模"), .blob([]),
      .blob([0, 255]),
    ]
    let sql = "SELECT " + values.map { _ in "?" }.joined(separator: ", ")
    #expect(try repository.query(sql, arguments: values).rows == [values])
    #expect(try repository.query("SELECT CAST(x'ff61' AS TEXT)").rows == [[.text("\u{FFFD}a")]])
    #expect(try repository.query("SELECT 1 AS a, 2 AS a").columns == ["a", "a"])
    #expect(try repository.query("SELECT 1; -- and no more\n ; ").rows == [[.integer(1)]])
    #expect(try repository.query("SELECT value, position FROM packed_ids(x'0204')").rows.count == 2)
    #expect(try repository.query("PRAGMA table_info(runs)").rows.count == QueryView.runs.columns.count)
    #expect(try repository.query("EXPLAIN QUERY PLAN SELECT * FROM runs").rows.count > 0)
  }

  @Test func anErrorSaysWhereAndWhatThereIs() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    do {
      _ = try repository.query("SELECT stp FROM checkpoints")
      Issue.record("no error")
    } catch let error as CairnError {
      #expect(error.kind == .invalid)
      #expect(error.message == "no such column: stp")
      #expect(error.excerpt?.range == 7..<7)
      #expect(error.advice.contains("new_bytes"))
    }
    #expect(message { try repository.query("SELECT 1 FROM steps") }.contains("metrics"))
    #expect(message { try repository.query("DELETE FROM tag") } == "DELETE is refused: a query only reads (use SELECT)")
    #expect(message { try repository.query("SELECT ?1") }.contains("takes 1 arguments, and 0"))
  }

  @Test(arguments: [JournalMode.wal, .delete])
  func savesGoOnBesideAQuery(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch, journal)
    let other = try Repository(opening: repository.path)
    var rows = 0
    try repository.query("SELECT * FROM checkpoints", columns: { _ in }) { _ in
      rows += 1
      let saved = try other.save([bytes(5_000, seed: UInt64(100 + rows))], "new")
      #expect(saved.warnings == [])
    }
    #expect(rows == 3)
    #expect(try repository.query("SELECT count(*) FROM checkpoints").rows == [[.integer(6)]])
  }

  @Test func anIndexThatIsBehindOrGoneIsMadeGoodFirst() throws {
    let scratch = try Scratch()
    let repository = try seeded(scratch)
    let copy = try IndexCopy(repository)
    try repository.save([bytes(5_000, seed: 9)], "new")
    repository.close()
    try copy.putBack(repository, .whole)
    #expect(try repository.query("SELECT count(*) FROM checkpoints").rows == [[.integer(4)]])
    repository.close()
    IndexCopy.delete(repository)
    #expect(try repository.query("SELECT count(*) FROM tensors").rows == [[.integer(7)]])
  }

  @Test func bytesOfATensorFollowFromItsType() {
    func bytes(_ dtype: String, _ shape: String) -> Int? {
      TensorBytesFunction.bytes(dtype: dtype.utf8, shape: shape.utf8)
    }
    #expect(bytes("float32", "[2,3]") == 24)
    #expect(bytes("bfloat16", "[]") == 2)
    #expect(bytes("bool", "[7]") == 7)
    #expect(bytes("float8_e4m3fn", "[7,0]") == 0)
    #expect(bytes("complex128", "[1,1]") == 16)
    #expect(bytes("opaque", "[1]") == nil)
    #expect(bytes("int64", "[9223372036854775807]") == nil)
    #expect(bytes("int8", "[99999999999999999999]") == nil)
  }
}
