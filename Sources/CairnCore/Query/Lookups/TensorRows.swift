import Foundation
import GRDB

/// Tensors' rows, and the manifests that list them.
struct TensorRows {
  struct Row {
    var id: Int64
    var name: Int64
    var storage: Int64
    var type: Int64
    var byteOffset: Int
    /// How many manifests list it.
    var refs: Int
    fileprivate var own: Data
  }

  struct TensorType: Hashable {
    var dtype: String
    var shape: [Int]
    var strides: [Int]

    /// How many elements; nil if that overflows.
    var elements: Int? {
      var count = 1
      for length in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: length)
        if overflow { return nil }
        count = product
      }
      return count
    }

    /// Whether tensors of both types that start at the same byte are views of the same bytes.
    func covers(_ other: TensorType) -> Bool {
      self == other
        || dtype == other.dtype && elements == other.elements && elements != nil
          && isDense && other.isDense
    }

    /// Whether the elements lie side by side, in whatever order.
    private var isDense: Bool {
      guard shape.count == strides.count else { return false }
      var expected = 1
      for (stride, length) in zip(strides, shape).filter({ $0.1 != 1 }).sorted(by: { $0.0 < $1.0 }) {
        guard stride == expected else { return false }
        let (next, overflow) = expected.multipliedReportingOverflow(by: length)
        if overflow { return false }
        expected = next
      }
      return true
    }
  }

  private let db: Database
  private var types: [Int64: TensorType] = [:]
  private var names: [Int64: String] = [:]

  init(_ db: Database) { self.db = db }

  private static let columns = "t.id, t.name_id, t.storage_id, t.type_id, t.byte_offset, t.refs, t.manifests"

  /// The rows with these ids, in their order.
  func rows(_ ids: some Sequence<Int64>) throws -> [Row] {
    try fetch(
      "SELECT \(Self.columns) FROM json_each(?) j CROSS JOIN tensor t ON t.id = j.value ORDER BY j.key",
      [Self.json(ids)])
  }

  /// The rows of tensors that are views of these storages, and are in some checkpoint.
  func rows(ofStorages ids: some Sequence<Int64>) throws -> [Row] {
    try fetch(
      """
      SELECT \(Self.columns) FROM json_each(?) j CROSS JOIN tensor t ON t.storage_id = j.value WHERE t.refs > 0
      """, [Self.json(ids)])
  }

  /// The rows of tensors of this name that are in some checkpoint, those whose bytes came last first.
  func rows(ofName id: Int64, limit: Int? = nil) throws -> [Row] {
    let find = try db.cachedStatement(sql: "SELECT tensors FROM tensor_name WHERE id = ?")
    guard let own = try Data.fetchOne(find, arguments: [id]).map({ try PackedIDs.decode($0) }) else { return [] }
    let all = try RecentIDs(db: db, kind: .tensorsOfName).all(own, of: id)
    return try rows(all.suffix(limit ?? all.count).reversed())
  }

  private func fetch(_ sql: String, _ arguments: StatementArguments) throws -> [Row] {
    var found: [Row] = []
    let rows = try GRDB.Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
    while let row = try rows.next() {
      try found.append(
        Row(
          id: row.value(0), name: row.value(1), storage: row.value(2), type: row.value(3), byteOffset: row.value(4),
          refs: row.value(5), own: row.value(6)))
    }
    return found
  }

  /// A list for SQLite's `json_each`.
  static func json(_ ids: some Sequence<Int64>) -> String {
    var text: [UInt8] = [UInt8(ascii: "[")]
    for id in ids {
      if text.count > 1 { text.append(UInt8(ascii: ",")) }
      text.append(contentsOf: String(id).utf8)
    }
    return String(decoding: text + [UInt8(ascii: "]")], as: UTF8.self)
  }

  /// The ids of the manifests that list a tensor, ascending, each once.
  func manifests(of row: Row) throws -> [Int64] {
    let own = try PackedIDs.decode(row.own)
    if own.count == row.refs { return own }
    return try RecentIDs(db: db, kind: .manifestsOfTensor).all(own, of: row.id)
  }

  /// The ids of the manifests that list any of some tensors.
  func manifests(of rows: [Row]) throws -> [Int64] {
    if rows.count == 1 { return try manifests(of: rows[0]) }
    var all = Set<Int64>()
    for row in rows { all.formUnion(try manifests(of: row)) }
    return all.sorted()
  }

  mutating func type(_ id: Int64) throws -> TensorType {
    if let type = types[id] { return type }
    let find = try db.cachedStatement(sql: "SELECT dtype, shape, strides FROM tensor_type WHERE id = ?")
    guard let row = try GRDB.Row.fetchOne(find, arguments: [id]) else {
      throw CairnError.damaged(IndexFile.fileName, "a tensor without its type", advice: "run `cairn reindex`")
    }
    let type = try TensorType(
      dtype: row.value(0), shape: Self.numbers(row.value(1)), strides: Self.numbers(row.value(2)))
    types[id] = type
    return type
  }

  mutating func name(_ id: Int64) throws -> String {
    if let name = names[id] { return name }
    let find = try db.cachedStatement(sql: "SELECT name FROM tensor_name WHERE id = ?")
    let name = try String.fetchOne(find, arguments: [id]) ?? ""
    names[id] = name
    return name
  }

  /// The ids and the names that match, sorted by name.
  func names(matching glob: Glob) throws -> [(id: Int64, name: String)] {
    if let literal = glob.literal {
      let find = try db.cachedStatement(sql: "SELECT id FROM tensor_name WHERE name = ?")
      return try Int64.fetchOne(find, arguments: [literal]).map { [($0, literal)] } ?? []
    }
    var found: [(id: Int64, name: String)] = []
    let rows = try GRDB.Row.fetchCursor(db, sql: "SELECT id, name FROM tensor_name ORDER BY name")
    while let row = try rows.next() {
      let name: String = try row.value(1)
      if glob.matches(name) { try found.append((row.value(0), name)) }
    }
    return found
  }

  private static func numbers(_ text: String) -> [Int] {
    text.dropFirst().dropLast().split(separator: ",").map { Int($0) ?? 0 }
  }
}
