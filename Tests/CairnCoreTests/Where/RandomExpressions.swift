@testable import CairnCore

/// Expressions made at random.
struct RandomExpressions {
  var random: SeededGenerator
  /// The names they are about; nil: any.
  var names: [WhereName]?
  /// The literals that they compare with; nil: any.
  var literals: [WhereLiteral.Value]?

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func expression(depth: Int = 4) -> WhereExpression {
    switch depth == 0 ? 9 : Int.random(in: 0..<10, using: &random) {
    case 0, 1: return .and(terms(depth))
    case 2, 3: return .or(terms(depth))
    case 4: return .not(expression(depth: depth - 1))
    default: return condition()
    }
  }

  private mutating func terms(_ depth: Int) -> [WhereExpression] {
    (0..<Int.random(in: 2...3, using: &random)).map { _ in expression(depth: depth - 1) }
  }

  private mutating func condition() -> WhereExpression {
    let negated = Bool.random(using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      return .membership(name(), (0..<Int.random(in: 1...3, using: &random)).map { _ in literal() }, negated: negated)
    case 1: return .range(name(), literal(), literal(), negated: negated)
    case 2:
      return .match(name(), WherePattern.allCases.randomElement(using: &random) ?? .like, pattern(), negated: negated)
    case 3: return .missing(name(), negated: negated)
    default:
      return .comparison(name(), WhereOperator.allCases.randomElement(using: &random) ?? .equal, literal())
    }
  }

  mutating func name() -> WhereName {
    if let name = names?.randomElement(using: &random) { return name }
    var parts = [WhereName.Part.key(text(upTo: 6))]
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      parts.append(
        Bool.random(using: &random) ? .key(text(upTo: 6)) : .index(Int.random(in: -3...300, using: &random)))
    }
    return WhereName(parts: parts)
  }

  private mutating func literal() -> WhereLiteral {
    if let value = literals?.randomElement(using: &random) { return WhereLiteral(value) }
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return WhereLiteral(.int(Int64.random(in: .min ... .max, using: &random)))
    case 1: return WhereLiteral(.double(Double(bitPattern: random.next()).finite))
    case 2: return WhereLiteral(.bool(Bool.random(using: &random)))
    case 3: return WhereLiteral(.ago(Double(Int.random(in: 0...1_000_000_000, using: &random)) / 8))
    default: return WhereLiteral(.text(text(upTo: 12)))
    }
  }

  private mutating func pattern() -> String {
    if literals != nil {
      return ["s%", "%-1", "*e*", "S_EEP-2", "?", "", "[a-s]*", "%"].randomElement(using: &random) ?? ""
    }
    return text(upTo: 12)
  }

  /// Words, keywords, quotes, signs and letters from elsewhere.
  mutating func text(upTo count: Int) -> String {
    let pieces = [
      "a", "Z", "_", "é", "模", "\u{301}", "'", "\"", "''", ".", " ", "\n", "%", "and", "NOT", "null", "9", "-", "/",
      "(", "\\", "🙂",
    ]
    return (0..<Int.random(in: 0...count, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
      .joined()
  }
}

extension Double {
  fileprivate var finite: Double { isFinite ? self : 0.25 }
}
