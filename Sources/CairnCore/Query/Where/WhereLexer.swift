/// Cuts an expression into its words, in one pass.
struct WhereLexer {
  private let text: String
  private let scalars: [Unicode.Scalar]
  /// The byte at which each scalar begins, and the end.
  private let offsets: [Int]
  private var at = 0

  private static let keywords: Set<String> = [
    "and", "or", "not", "in", "like", "glob", "is", "null", "between", "true", "false", "ago",
  ]

  /// How many seconds a unit of time has.
  private static let durations: [String: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]

  /// How many bytes a unit of size has.
  private static let sizes: [String: Int64] = [
    "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
  ]

  init(_ text: String) {
    self.text = text
    scalars = Array(text.unicodeScalars)
    var offsets: [Int] = []
    offsets.reserveCapacity(scalars.count + 1)
    var offset = 0
    for scalar in scalars {
      offsets.append(offset)
      offset += UTF8.width(scalar)
    }
    self.offsets = offsets + [offset]
  }

  /// Whether a word has a meaning of its own.
  static func isReserved(_ word: String) -> Bool { keywords.contains(word.lowercased()) }

  /// A text between marks, the marks in it doubled: what ``quoted(_:_:)`` reads.
  static func quote(_ text: String, with mark: Unicode.Scalar) -> String {
    var result = String.UnicodeScalarView([mark])
    // By scalars: a mark that an accent follows is a character of its own, but a mark all the same.
    for scalar in text.unicodeScalars { result.append(contentsOf: scalar == mark ? [mark, mark] : [scalar]) }
    result.append(mark)
    return String(result)
  }

  static func startsName(_ scalar: Unicode.Scalar) -> Bool { scalar == "_" || scalar.properties.isAlphabetic }

  /// There is no arithmetic in the language, so that `train/loss` and `lr-Adam` need no quotes.
  static func continuesName(_ scalar: Unicode.Scalar) -> Bool {
    if startsName(scalar) || scalar == "/" || scalar == "-" { return true }
    switch scalar.properties.generalCategory {
    case .decimalNumber, .nonspacingMark, .spacingMark: return true
    default: return false
    }
  }

  mutating func next() throws -> WhereToken {
    while at < scalars.count, scalars[at].properties.isWhitespace { at += 1 }
    let start = at
    guard let first = peek() else { return token(.end, from: start) }
    if Self.startsName(first) {
      while let scalar = peek(), Self.continuesName(scalar) { at += 1 }
      return token(.word(string(from: start)), from: start)
    }
    switch first {
    case "'":
      let text = try quoted("'", "text")
      return token(.literal(.text(text)), from: start)
    case "\"":
      let name = try quoted("\"", "a name")
      return token(.quotedName(name), from: start)
    case "(", ")", "[", "]", ",":
      at += 1
      return token(.sign(String(first)), from: start)
    case "=", "!", "<", ">": return try comparison()
    default: break
    }
    if startsNumber() { return try number() }
    if first == "." {
      at += 1
      return token(.sign("."), from: start)
    }
    at += 1
    throw failure("\(String(first).debugDescription) has no meaning here", from: start)
  }

  func failure(_ problem: String, from start: Int, advice: String = "") -> CairnError {
    WhereFailure.error(problem, in: text, at: offsets[start]..<offsets[at], advice: advice)
  }

  // MARK: Pieces

  private func peek(_ ahead: Int = 0) -> Unicode.Scalar? { at + ahead < scalars.count ? scalars[at + ahead] : nil }

  private func token(_ kind: WhereToken.Kind, from start: Int) -> WhereToken {
    WhereToken(kind: kind, range: offsets[start]..<offsets[at])
  }

  private func string(from start: Int) -> String {
    var result = String.UnicodeScalarView()
    result.append(contentsOf: scalars[start..<at])
    return String(result)
  }

  /// What stands between two marks; a doubled mark stands for itself.
  private mutating func quoted(_ mark: Unicode.Scalar, _ what: String) throws -> String {
    let start = at
    var result = String.UnicodeScalarView()
    at += 1
    while let scalar = peek() {
      at += 1
      if scalar == mark {
        guard peek() == mark else { return String(result) }
        at += 1
      }
      // SQLite ends a text at a zero.
      if scalar.value == 0 { throw failure("\(what) with a zero byte in it", from: start) }
      result.append(scalar)
    }
    throw failure("\(what) that does not end", from: start, advice: "close it with \(mark)")
  }

  private mutating func comparison() throws -> WhereToken {
    let start = at
    let first = scalars[at]
    at += 1
    if let second = peek(), second == "=" || (first == "<" && second == ">") { at += 1 }
    switch string(from: start) {
    case "=", "==": return token(.sign("="), from: start)
    case "!=", "<>": return token(.sign("!="), from: start)
    case let sign where WhereOperator(rawValue: sign) != nil: return token(.sign(sign), from: start)
    default: throw failure("`!` has no meaning of its own", from: start, advice: "write != or not")
    }
  }

  private static func isDigit(_ scalar: Unicode.Scalar?) -> Bool {
    guard let scalar else { return false }
    return ("0"..."9").contains(scalar)
  }

  private func startsNumber() -> Bool {
    var ahead = 0
    if peek() == "-" || peek() == "+" { ahead += 1 }
    if peek(ahead) == "." { ahead += 1 }
    return Self.isDigit(peek(ahead))
  }

  private mutating func number() throws -> WhereToken {
    let start = at
    if peek() == "-" || peek() == "+" { at += 1 }
    while Self.isDigit(peek()) { at += 1 }
    if peek() == "." {
      at += 1
      while Self.isDigit(peek()) { at += 1 }
    }
    let hasSign = peek(1) == "-" || peek(1) == "+"
    if peek() == "e" || peek() == "E", Self.isDigit(peek(hasSign ? 2 : 1)) {
      at += hasSign ? 2 : 1
      while Self.isDigit(peek()) { at += 1 }
    }
    let digits = string(from: start)
    let unitStart = at
    while let scalar = peek(), Self.continuesName(scalar) { at += 1 }
    let unit = string(from: unitStart)
    guard let number = Double(digits), number.isFinite else {
      throw failure("a number that is too large", from: start)
    }
    if unit.isEmpty {
      if let integer = Int64(digits) { return token(.literal(.int(integer)), from: start) }
      return token(.literal(.double(number)), from: start)
    }
    if let seconds = Self.durations[unit], number * seconds <= 1e12, number >= 0 {
      return token(.duration(number * seconds), from: start)
    }
    if let bytes = Self.sizes[unit], abs(number) * Double(bytes) < 9e18 {
      return token(.literal(.int(Int64(number * Double(bytes)))), from: start)
    }
    throw failure(
      "not a number, a duration or a size", from: start,
      advice: "durations end in s, m, h, d or w, sizes in kB, MB, GB, TB, KiB, MiB, GiB or TiB; "
        + "a name that begins with a digit needs double quotes")
  }
}
