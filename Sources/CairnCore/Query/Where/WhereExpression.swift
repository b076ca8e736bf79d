/// A condition on checkpoints, as `cairn log --where` takes it: what ``init(parsing:)`` reads and `description` writes.
///
/// A comparison is *unknown* where a checkpoint has no value by the name, or one of another type than what it is
/// compared with; `not`, `and` and `or` treat unknown as SQL treats NULL, and a checkpoint matches only if the whole is
/// true. So neither `val_loss < 0.3` nor `not val_loss < 0.3` finds a checkpoint without a `val_loss`.
public indirect enum WhereExpression: Sendable, Hashable {
  /// All of them hold: two or more.
  case and([WhereExpression])
  /// At least one of them holds: two or more.
  case or([WhereExpression])
  /// It does not hold.
  case not(WhereExpression)
  /// A comparison: of text byte by byte, of numbers by value.
  case comparison(WhereName, WhereOperator, WhereLiteral)
  /// The value is one of a list, or (negated) none of it.
  case membership(WhereName, [WhereLiteral], negated: Bool)
  /// The value lies between two others, or is one of them.
  case range(WhereName, WhereLiteral, WhereLiteral, negated: Bool)
  /// The value is text that a pattern matches.
  case match(WhereName, WherePattern, String, negated: Bool)
  /// The checkpoint has no value by this name, or (negated) has one.
  case missing(WhereName, negated: Bool)
}

/// How two values are compared.
public enum WhereOperator: String, Sendable, Hashable, CaseIterable {
  case equal = "="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="

  /// The operator that says the same with its sides exchanged.
  var mirrored: WhereOperator {
    switch self {
    case .equal, .notEqual: return self
    case .less: return .greater
    case .lessOrEqual: return .greaterOrEqual
    case .greater: return .less
    case .greaterOrEqual: return .lessOrEqual
    }
  }
}

/// The languages that text is matched with, both SQLite's.
public enum WherePattern: String, Sendable, Hashable, CaseIterable {
  /// `%` is any text, `_` any character; ASCII letters match in either case.
  case like
  /// `*`, `?` and `[…]`, as in a shell, but `*` matches slashes too; case counts.
  case glob
}

extension WhereExpression: CustomStringConvertible {
  /// The expression in its own language; parsing it gives an equal one.
  public var description: String {
    switch self {
    case .and(let terms): return terms.map(\.enclosed).joined(separator: " and ")
    case .or(let terms): return terms.map(\.enclosed).joined(separator: " or ")
    case .not(let term): return "not " + term.enclosed
    case .comparison(let name, let sign, let literal): return "\(name) \(sign.rawValue) \(literal)"
    case .membership(let name, let list, let negated):
      return "\(name) \(negated ? "not " : "")in (\(list.map(\.description).joined(separator: ", ")))"
    case .range(let name, let low, let high, let negated):
      return "\(name) \(negated ? "not " : "")between \(low) and \(high)"
    case .match(let name, let pattern, let text, let negated):
      return "\(name) \(negated ? "not " : "")\(pattern.rawValue) \(WhereLiteral.quoted(text))"
    case .missing(let name, let negated): return "\(name) is \(negated ? "not " : "")null"
    }
  }

  private var enclosed: String {
    switch self {
    case .and, .or: return "(\(self))"
    default: return description
    }
  }
}
