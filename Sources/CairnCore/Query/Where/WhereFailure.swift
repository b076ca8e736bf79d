/// Errors that point into an expression.
enum WhereFailure {
  static func error(_ problem: String, in text: String, at range: Range<Int>, advice: String = "") -> CairnError {
    let before = text.utf8.prefix(range.lowerBound)
    let column = String(decoding: before, as: UTF8.self).count + 1
    var error = CairnError(.invalid, "\(problem), at column \(column) of the expression", advice: advice)
    error.excerpt = CairnError.Excerpt(text: text, range: range)
    return error
  }
}
