import Foundation
import GRDB

/// Which checkpoints are wanted, in which order.
public struct CheckpointQuery: Sendable {
  /// Versions of these paths only: all of one, or the version that a name gives. Empty: of any.
  public var names: [PathName] = []
  /// Of the run with this name only.
  public var run: String?
  /// With this tag only.
  public var tag: String?
  /// Only those that a ``WhereExpression`` is true of.
  public var filter: String?
  /// What they are sorted by; nil: newest first.
  public var order: CheckpointOrder?
  /// At most so many.
  public var limit: Int?

  /// A query for all checkpoints, newest first.
  public init() {}
}

extension Repository {
  /// The checkpoints that a query asks for.
  ///
  /// Throws ``CairnError/Kind/invalid`` for an expression or sort key that cannot be read, or that names something which
  /// no checkpoint has; the error's ``CairnError/excerpt`` says where. In a repository without checkpoints any name will
  /// do.
  public func checkpoints(_ query: CheckpointQuery) throws -> [CheckpointRecord] {
    // What cannot be read is an error whatever the repository holds.
    if let filter = query.filter { _ = try WhereExpression(parsing: filter) }
    return try read { db in
      guard try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM checkpoint)") ?? false else { return [] }
      // Rows of ids are sorted and cut first: the rest of a checkpoint may take pages.
      let ids = try query.ids(db)
      let statement = try db.cachedStatement(sql: CheckpointRecord.sql + " WHERE c.id = ?")
      return try ids.compactMap { id in
        try Row.fetchOne(statement, arguments: [id]).map { try CheckpointRecord($0, db) }
      }
    }
  }

  /// Checkpoints, newest first: all, those of a run, those of paths, those with a tag.
  public func checkpoints(
    paths: [String] = [], run: String? = nil, tag: String? = nil, where filter: String? = nil, sort: String? = nil,
    limit: Int? = nil
  ) throws -> [CheckpointRecord] {
    var query = CheckpointQuery()
    query.names = paths.map { PathName(path: $0) }
    (query.run, query.tag, query.filter, query.limit) = (run, tag, filter, limit)
    query.order = try sort.map { try CheckpointOrder(parsing: $0) }
    return try checkpoints(query)
  }
}

extension CheckpointQuery {
  /// The rows' ids.
  fileprivate func ids(_ db: Database) throws -> [Int64] {
    let condition = try condition(db)
    guard let order else { return try ids(db, condition, by: Self.newest, limit: limit) }
    let direction: SQL = order.descending ? "DESC" : "ASC"
    func sorted(by key: SQL) throws -> [Int64] {
      try self.ids(db, condition, by: "\(key) \(direction) NULLS LAST, \(Self.newest)", limit: limit)
    }
    switch try NameResolver(db: db, text: order.text).quantity(order.key) {
    case .column(let column): return try sorted(by: column.sql)
    case .values(let places): return try sorted(by: places.value(.scalar))
    case .metric(let metric): return try ids(db, condition, byMetric: metric, direction)
    }
  }

  private func ids(
    _ db: Database, _ condition: SQL, byMetric metric: String, _ direction: SQL
  ) throws -> [Int64] {
    // An index has those with a value in this order, so that not all are read for the first few.
    let ids = try ids(
      db, joining: "JOIN metric o ON o.checkpoint_id = c.id AND o.name = \(metric)", condition,
      by: "o.value \(direction), \(Self.newest)", limit: limit)
    let rest = limit.map { $0 - ids.count }
    if rest == 0 { return ids }
    let without: SQL = """
      \(condition) AND NOT EXISTS (SELECT 1 FROM metric o WHERE o.checkpoint_id = c.id AND o.name = \(metric))
      """
    return try ids + self.ids(db, without, by: Self.newest, limit: rest)
  }

  private static let newest: SQL = "c.created DESC, c.id DESC"

  private func ids(
    _ db: Database, joining join: SQL = "", _ condition: SQL, by order: SQL, limit: Int?
  ) throws -> [Int64] {
    let query: SQL = """
      SELECT c.id FROM \(CheckpointColumn.tables) \(join) WHERE \(condition) ORDER BY \(order) LIMIT \(limit ?? -1)
      """
    let (sql, arguments) = try query.build(db)
    let statement: Statement
    do {
      statement = try db.makeStatement(sql: sql)
    } catch let error as DatabaseError
      where [.SQLITE_ERROR, .SQLITE_TOOBIG, .SQLITE_NOMEM].contains(error.resultCode.primaryResultCode)
    {
      // Damage shows when rows are read: this is an expression that takes more than SQLite's parser has.
      throw CairnError(.invalid, "the expression is too complex: \(error.message ?? "")", advice: "use a simpler one")
    }
    return try Int64.fetchAll(statement, arguments: arguments)
  }

  private func condition(_ db: Database) throws -> SQL {
    var conditions: [SQL] = []
    if !names.isEmpty { conditions.append(ofNames) }
    if let run { conditions.append("c.run_id = (SELECT id FROM run WHERE name = \(run))") }
    if let tag { conditions.append("c.id = (SELECT checkpoint_id FROM tag WHERE name = \(tag))") }
    if let filter { conditions.append(try WhereCompiler.condition(filter, db)) }
    return conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
  }

  private var ofNames: SQL {
    let whole = Set(names.lazy.filter { $0.version == nil }.map { ExactName($0.path) }).map(\.text).sorted()
    var tests: [SQL] = []
    if !whole.isEmpty {
      let list = whole.map { "\($0)" as SQL }.joined(separator: ", ")
      tests.append("c.path_id IN (SELECT id FROM path WHERE name IN (\(list)))")
    }
    let single = names.compactMap { name in name.version.map { "(\(name.path), \($0))" as SQL } }
    if !single.isEmpty { tests.append("(p.name, c.version) IN (VALUES \(single.joined(separator: ", ")))") }
    return "(\(tests.joined(separator: " OR ")))"
  }
}
