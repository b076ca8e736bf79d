/// A word of an expression.
struct WhereToken {
  enum Kind: Equatable {
    /// A part of a name that was not in quotes: a keyword, or a key.
    case word(String)
    /// A part of a name that was: never a keyword.
    case quotedName(String)
    case literal(WhereLiteral.Value)
    /// Seconds, of a duration.
    case duration(Double)
    /// An operator, a parenthesis, a bracket, a comma or a dot.
    case sign(String)
    case end
  }

  var kind: Kind
  var range: Range<Int>
}
