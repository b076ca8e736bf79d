extension WhereExpression {
  /// How long an expression may be, in bytes of UTF-8.
  public static let longestText = 65_536
  /// How deep parentheses and `not` may be nested: SQLite's parser has room for about a hundred open rules.
  public static let deepestNesting = 16
  /// How many comparisons there may be: a chain of them makes a tree in SQLite as deep as the chain is long.
  public static let mostComparisons = 250
  /// How long a pattern of `like` and `glob` may be, in bytes: SQLite matches by recursion.
  public static let longestPattern = 1_000

  /// Reads an expression.
  ///
  ///     expression = term { "or" term }
  ///     term       = factor { "and" factor }
  ///     factor     = "not" factor | "(" expression ")" | condition
  ///     condition  = name operator literal | literal operator name
  ///                | name ["not"] "in" "(" literal { "," literal } ")"
  ///                | name ["not"] "between" literal "and" literal
  ///                | name ["not"] ("like" | "glob") text
  ///                | name "is" ["not"] "null"
  ///     operator   = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
  ///     name       = key { "." key | "[" integer "]" }
  ///     key        = letter { letter | digit | "_" | "/" | "-" } | '"' … '"'
  ///     literal    = "'" … "'" | number [size unit] | "true" | "false" | number time unit "ago"
  ///
  /// Keywords may be written in capitals too. Throws ``CairnError/Kind/invalid`` with an ``CairnError/Excerpt`` that
  /// says where.
  public init(parsing text: String) throws {
    guard text.utf8.count <= Self.longestText else {
      throw CairnError(
        .invalid, "an expression of \(text.utf8.count) bytes", advice: "at most \(Self.longestText) are read")
    }
    var parser = try WhereParser(text)
    self = try parser.whole()
  }
}

extension WhereName {
  /// Reads a name by itself, as a sort key is.
  init(parsing text: String) throws {
    guard text.utf8.count <= WhereExpression.longestText else {
      throw CairnError(.invalid, "a name of \(text.utf8.count) bytes")
    }
    var parser = try WhereParser(text)
    self = try parser.wholeName()
  }
}

/// Reads an expression by recursive descent, as deep as ``WhereExpression/deepestNesting`` and no deeper.
struct WhereParser {
  private let text: String
  private var lexer: WhereLexer
  private var token: WhereToken
  private var depth = 0
  private var comparisons = 0

  init(_ text: String) throws {
    self.text = text
    lexer = WhereLexer(text)
    token = try lexer.next()
  }

  mutating func whole() throws -> WhereExpression {
    if token.kind == .end { throw unexpected("a condition") }
    let expression = try disjunction()
    guard token.kind == .end else { throw unexpected("`and`, `or` or the end") }
    return expression
  }

  mutating func wholeName() throws -> WhereName {
    let name = try name()
    guard token.kind == .end else { throw unexpected("the end of the name") }
    return name
  }

  // MARK: Expressions

  private mutating func disjunction() throws -> WhereExpression {
    var terms = [try conjunction()]
    while try take("or") { terms.append(try conjunction()) }
    return terms.count == 1 ? terms[0] : .or(terms)
  }

  private mutating func conjunction() throws -> WhereExpression {
    var factors = [try factor()]
    while try take("and") { factors.append(try factor()) }
    return factors.count == 1 ? factors[0] : .and(factors)
  }

  private mutating func factor() throws -> WhereExpression {
    let start = token
    if try take("not") {
      return .not(try nested(from: start) { parser in try parser.factor() })
    }
    if try takeSign("(") {
      return try nested(from: start) { parser in
        let inner = try parser.disjunction()
        guard try parser.takeSign(")") else { throw parser.unexpected("`and`, `or` or `)`") }
        return inner
      }
    }
    return try condition()
  }

  private mutating func nested(
    from start: WhereToken, _ body: (inout WhereParser) throws -> WhereExpression
  ) throws -> WhereExpression {
    guard depth < WhereExpression.deepestNesting else {
      throw failure("nested more than \(WhereExpression.deepestNesting) levels deep", start)
    }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: Conditions

  private mutating func condition() throws -> WhereExpression {
    comparisons += 1
    guard comparisons <= WhereExpression.mostComparisons else {
      throw failure(
        "more than \(WhereExpression.mostComparisons) comparisons", token, advice: "`in (…)` takes many values at once")
    }
    if let literal = try optionalLiteral() {
      guard let sign = try comparisonSign() else { throw unexpected("a comparison") }
      return .comparison(try name(), sign.mirrored, literal)
    }
    let name = try name()
    if let sign = try comparisonSign() { return .comparison(name, sign, try literal()) }
    if try take("is") {
      let negated = try take("not")
      guard try take("null") else { throw unexpected("`null`") }
      return .missing(name, negated: negated)
    }
    let negated = try take("not")
    if try take("in") { return .membership(name, try list(), negated: negated) }
    if try take("between") {
      let low = try literal()
      guard try take("and") else { throw unexpected("`and`") }
      return .range(name, low, try literal(), negated: negated)
    }
    for pattern in WherePattern.allCases where try take(pattern.rawValue) {
      return .match(name, pattern, try patternText(), negated: negated)
    }
    throw unexpected(
      negated ? "`in`, `between`, `like` or `glob`" : "a comparison, `in`, `between`, `like`, `glob` or `is`")
  }

  private mutating func list() throws -> [WhereLiteral] {
    guard try takeSign("(") else { throw unexpected("`(`") }
    var list = [try literal()]
    while try takeSign(",") { list.append(try literal()) }
    guard try takeSign(")") else { throw unexpected("`,` or `)`") }
    return list
  }

  private mutating func patternText() throws -> String {
    let start = token
    guard case .literal(.text(let pattern)) = token.kind else { throw unexpected("a pattern in single quotes") }
    guard pattern.utf8.count <= WhereExpression.longestPattern else {
      throw failure("a pattern of more than \(WhereExpression.longestPattern) bytes", start)
    }
    try advance()
    return pattern
  }

  private mutating func comparisonSign() throws -> WhereOperator? {
    guard case .sign(let text) = token.kind, let sign = WhereOperator(rawValue: text) else { return nil }
    try advance()
    return sign
  }

  // MARK: Names and literals

  private mutating func name() throws -> WhereName {
    let start = token.range.lowerBound
    guard let first = try key() else { throw unexpected("a name") }
    var parts = [WhereName.Part.key(first.text)]
    var end = first.end
    while true {
      if try takeSign(".") {
        guard let next = try key() else { throw unexpected("the rest of a name") }
        parts.append(.key(next.text))
        end = next.end
      } else if try takeSign("[") {
        guard case .literal(.int(let index)) = token.kind, let number = Int32(exactly: index) else {
          throw unexpected("the number of an item")
        }
        try advance()
        end = token.range.upperBound
        guard try takeSign("]") else { throw unexpected("`]`") }
        parts.append(.index(Int(number)))
      } else {
        return WhereName(parts: parts, place: WherePlace(start..<end))
      }
    }
  }

  private mutating func key() throws -> (text: String, end: Int)? {
    let end = token.range.upperBound
    switch token.kind {
    case .word(let word) where !WhereLexer.isReserved(word):
      try advance()
      return (word, end)
    case .quotedName(let name):
      try advance()
      return (name, end)
    default: return nil
    }
  }

  private mutating func literal() throws -> WhereLiteral {
    if let literal = try optionalLiteral() { return literal }
    switch token.kind {
    case .quotedName(let name):
      throw failure("a name, where a value is expected", token, advice: "text is \(WhereLiteral.quoted(name))")
    case .word(let word) where word.lowercased() == "null":
      throw failure("nothing compares with null", token, advice: "write `is null` or `is not null`")
    case .word(let word) where !WhereLexer.isReserved(word):
      throw failure("a name, where a value is expected", token, advice: "text is \(WhereLiteral.quoted(word))")
    default: throw unexpected("a value")
    }
  }

  private mutating func optionalLiteral() throws -> WhereLiteral? {
    let start = token
    let place = WherePlace(token.range)
    switch token.kind {
    case .literal(let value):
      try advance()
      return WhereLiteral(value, place: place)
    case .word(let word) where word.lowercased() == "true" || word.lowercased() == "false":
      try advance()
      return WhereLiteral(.bool(word.lowercased() == "true"), place: place)
    case .duration(let seconds):
      try advance()
      let end = token.range.upperBound
      guard try take("ago") else {
        throw failure("a duration by itself", start, advice: "write, for example, `created > 7d ago`")
      }
      return WhereLiteral(.ago(seconds), place: WherePlace(start.range.lowerBound..<end))
    default: return nil
    }
  }

  // MARK: Tokens

  private mutating func advance() throws { token = try lexer.next() }

  private mutating func take(_ keyword: String) throws -> Bool {
    guard case .word(let word) = token.kind, word.lowercased() == keyword else { return false }
    try advance()
    return true
  }

  private mutating func takeSign(_ sign: String) throws -> Bool {
    guard token.kind == .sign(sign) else { return false }
    try advance()
    return true
  }

  private func unexpected(_ wanted: String) -> CairnError {
    failure(token.kind == .end ? "it ends where \(wanted) is expected" : "\(wanted) is expected", token)
  }

  private func failure(_ problem: String, _ token: WhereToken, advice: String = "") -> CairnError {
    WhereFailure.error(problem, in: text, at: token.range, advice: advice)
  }
}
