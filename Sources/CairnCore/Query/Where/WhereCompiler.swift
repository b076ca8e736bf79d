import Foundation
import GRDB

extension WhereExpression {
  /// How many operators are nested.
  fileprivate var depth: Int {
    switch self {
    case .and(let terms), .or(let terms): return 1 + (terms.map(\.depth).max() ?? 0)
    case .not(let term): return 1 + term.depth
    default: return 0
    }
  }
}

/// Turns an expression into SQL whose every value, and every path into JSON, is an argument: of the user's text nothing
/// gets into the statement itself.
///
/// In the SQL as in the expression, a comparison with something of another type is NULL.
struct WhereCompiler {
  let names: NameResolver
  /// What `ago` counts from.
  let now: Date

  /// Reads an expression and compiles it.
  static func condition(_ text: String, _ db: Database, now: Date = Date()) throws -> SQL {
    let compiler = WhereCompiler(names: NameResolver(db: db, text: text), now: now)
    return try compiler.sql(WhereExpression(parsing: text))
  }

  func sql(_ expression: WhereExpression) throws -> SQL {
    switch expression {
    case .and(let terms): return "(\(try deepestFirst(terms).map(sql).joined(separator: " AND ")))"
    case .or(let terms): return "(\(try deepestFirst(terms).map(sql).joined(separator: " OR ")))"
    case .not(let term): return "NOT \(try sql(term))"
    case .comparison(let name, let sign, let literal): return try comparison(name, sign, literal)
    case .membership(let name, let list, let negated): return try membership(name, list, negated)
    case .range(let name, let low, let high, let negated): return try range(name, low, high, negated)
    case .match(let name, let pattern, let text, let negated): return try match(name, pattern, text, negated)
    case .missing(let name, let negated):
      let value: SQL
      switch try names.quantity(name) {
      case .column(let column): value = column.sql
      case .metric(let metric): value = Self.metric(metric)
      case .values(let places): value = places.type
      }
      return negated ? "(\(value) IS NOT NULL)" : "(\(value) IS NULL)"
    }
  }

  /// Terms in the order that takes the least of the stack of SQLite's parser, which holds a hundred symbols: what stands
  /// before a parenthesis waits there until it is closed.
  private func deepestFirst(_ terms: [WhereExpression]) -> [WhereExpression] {
    let depths = terms.map(\.depth)
    return terms.indices.sorted { (depths[$1], $0) < (depths[$0], $1) }.map { terms[$0] }
  }

  private static func metric(_ name: String) -> SQL {
    "(SELECT x.value FROM metric x WHERE x.checkpoint_id = c.id AND x.name = \(name))"
  }

  // MARK: Conditions

  private func comparison(_ name: WhereName, _ sign: WhereOperator, _ literal: WhereLiteral) throws -> SQL {
    let quantity = try names.quantity(name)
    if case .column(.tags) = quantity {
      switch sign {
      case .equal, .notEqual: return tagged("= \(try bound(literal, .text))", negated: sign == .notEqual)
      default: throw failure("tags have no order", name.place)
      }
    }
    let type = type(of: quantity, with: literal)
    if case .bool = literal.value, sign != .equal, sign != .notEqual {
      throw failure("true and false have no order", literal.place)
    }
    let (left, right) = (value(quantity, type), try bound(literal, type))
    switch sign {
    case .equal: return "(\(left) = \(right))"
    case .notEqual: return "(\(left) <> \(right))"
    case .less: return "(\(left) < \(right))"
    case .lessOrEqual: return "(\(left) <= \(right))"
    case .greater: return "(\(left) > \(right))"
    case .greaterOrEqual: return "(\(left) >= \(right))"
    }
  }

  private func membership(_ name: WhereName, _ list: [WhereLiteral], _ negated: Bool) throws -> SQL {
    let quantity = try names.quantity(name)
    if case .column(.tags) = quantity {
      let values = try list.map { try bound($0, .text) }
      return tagged("IN (\(values.joined(separator: ", ")))", negated: negated)
    }
    var byType: [(type: ComparedType, values: [SQL])] = []
    for literal in list {
      let type = type(of: quantity, with: literal)
      let value = try bound(literal, type)
      if let at = byType.firstIndex(where: { $0.type == type }) {
        byType[at].values.append(value)
      } else {
        byType.append((type, [value]))
      }
    }
    let tests = byType.map { type, values -> SQL in
      "(\(value(quantity, type)) IN (\(values.joined(separator: ", "))))"
    }
    // Those of types that there is no value of are NULL: they count only if all are.
    let any = tests.joined(separator: " OR ")
    let test: SQL = tests.count == 1 ? tests[0] : "coalesce(\(any), \(tests.joined(separator: ", ")))"
    return negated ? "NOT \(test)" : test
  }

  private func range(_ name: WhereName, _ low: WhereLiteral, _ high: WhereLiteral, _ negated: Bool) throws -> SQL {
    let quantity = try names.quantity(name)
    if case .column(.tags) = quantity { throw failure("tags have no order", name.place) }
    let type = type(of: quantity, with: low)
    guard type != .bool else { throw failure("true and false have no order", low.place) }
    let (low, high) = (try bound(low, type), try bound(high, type))
    return "(\(value(quantity, type)) \(negated ? "NOT BETWEEN" as SQL : "BETWEEN") \(low) AND \(high))"
  }

  private func match(_ name: WhereName, _ pattern: WherePattern, _ text: String, _ negated: Bool) throws -> SQL {
    let quantity = try names.quantity(name)
    let word: SQL = pattern == .like ? "LIKE" : "GLOB"
    if case .column(.tags) = quantity { return tagged("\(word) \(text)", negated: negated) }
    switch quantity {
    case .metric: throw failure("a metric is a number, which no pattern matches", name.place)
    case .column(let column) where column.type == .number:
      throw failure("\(column.rawValue) is a number, which no pattern matches", name.place)
    default: break
    }
    return "(\(value(quantity, .text)) \(negated ? "NOT \(word)" as SQL : word) \(text))"
  }

  private func tagged(_ test: SQL, negated: Bool) -> SQL {
    "\(negated ? "NOT EXISTS" as SQL : "EXISTS") (SELECT 1 FROM tag t WHERE t.checkpoint_id = c.id AND t.name \(test))"
  }

  // MARK: Values

  /// As what a value is compared.
  private enum ComparedType {
    case number, text, bool, time
  }

  /// What the quantity's type says, or where that may be any, the literal's.
  private func type(of quantity: Quantity, with literal: WhereLiteral) -> ComparedType {
    switch quantity {
    case .metric: return .number
    case .column(let column):
      switch column.type {
      case .text, .texts: return .text
      case .number: return .number
      case .time: return .time
      }
    case .values:
      switch literal.value {
      case .int, .double: return .number
      case .bool: return .bool
      case .text, .ago: return .text
      }
    }
  }

  private func value(_ quantity: Quantity, _ type: ComparedType) -> SQL {
    switch quantity {
    case .column(let column): return column.sql
    case .metric(let metric): return Self.metric(metric)
    case .values(let places):
      switch type {
      case .number: return places.value(.number)
      case .bool: return places.value(.bool)
      case .text, .time: return places.value(.text)
      }
    }
  }

  private func bound(_ literal: WhereLiteral, _ type: ComparedType) throws -> SQL {
    switch (literal.value, type) {
    case (.int(let number), .number): return "\(number)"
    case (.double(let number), .number): return "\(number)"
    case (.text(let text), .text): return "\(text)"
    case (.bool(let value), .bool): return "\(value ? 1 : 0)"
    case (.text(let text), .time):
      guard let moment = Moment(text) else {
        throw failure("not a date", literal.place, advice: "write 2026-11-01 or 2026-11-01T12:30, in UTC, or 7d ago")
      }
      return "\(moment.text)"
    case (.ago(let seconds), .time): return "\(Moment(now.addingTimeInterval(-seconds)).text)"
    case (_, .number): throw failure("a number is expected here", literal.place)
    case (.int, .text), (.double, .text), (.bool, .text):
      throw failure("text is expected here", literal.place, advice: "write it in single quotes")
    case (.ago, .text): throw failure("only `created` compares with a time", literal.place)
    case (_, .time):
      throw failure("a date is expected here", literal.place, advice: "for example '2026-11-01', or 7d ago")
    case (_, .bool): throw failure("true or false is expected here", literal.place)
    }
  }

  private func failure(_ problem: String, _ place: WherePlace, advice: String = "") -> CairnError {
    WhereFailure.error(problem, in: names.text, at: place.range, advice: advice)
  }
}
