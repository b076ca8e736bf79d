import GRDB

/// How many checkpoints have each of some manifests, and which of them is the oldest and which the newest.
///
/// Rows of checkpoints are numbered in the order of the log, those of manifests need not be: one that is saved again
/// keeps its row.
struct ManifestUses {
  struct Use {
    var count = 0
    var first = Int64.max
    var last = Int64.min
  }

  private let lowest: Int64
  private var places: RowNumbers
  private var uses: [Use] = []

  /// Reads those of the manifests with ids in a range.
  init(_ range: ClosedRange<Int64>, _ db: Database) throws {
    lowest = range.lowerBound
    places = RowNumbers(rows: try Int.fetchOne(db, sql: "SELECT count(*) FROM manifest") ?? 0)
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT manifest_id, count(*), min(id), max(id) FROM checkpoint WHERE manifest_id BETWEEN ? AND ?
          GROUP BY manifest_id ORDER BY manifest_id
          """), arguments: [range.lowerBound, range.upperBound])
    while let row = try rows.next() {
      try places.add(row.value(0) as Int64 &- lowest)
      try uses.append(Use(count: row.value(1), first: row.value(2), last: row.value(3)))
    }
  }

  /// What all of some different manifests come to.
  func use(of manifests: some Sequence<Int64>) -> Use {
    var all = Use()
    for manifest in manifests {
      guard let place = places[manifest &- lowest] else { continue }
      let use = uses[place]
      all.count += use.count
      all.first = min(all.first, use.first)
      all.last = max(all.last, use.last)
    }
    return all
  }

  /// The rows of the checkpoints that have any of some manifests, newest first.
  static func checkpoints(of manifests: some Sequence<Int64>, _ db: Database) throws -> [Int64] {
    let find = try db.cachedStatement(sql: "SELECT id FROM checkpoint WHERE manifest_id = ?")
    return try Set(manifests).flatMap { try Int64.fetchAll(find, arguments: [$0]) }.sorted(by: >)
  }
}
