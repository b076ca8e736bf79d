/// `text` with what a terminal would obey instead of showing written as an escape.
///
/// Names and metadata come out of files that anybody may have made: an escape sequence among them could rewrite the
/// screen, a direction mark could have a name read as another.
func printable(_ text: String) -> String {
  if isPlain(text) { return text }
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    if isObeyed(scalar) {
      result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
    } else {
      result.append(scalar)
    }
  }
  return String(result)
}

private func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator, .surrogate: return true
  default: return scalar.properties.isBidiControl
  }
}
