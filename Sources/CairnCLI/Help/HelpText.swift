/// A help text in parts: paragraphs, and lines that are set as they stand (examples, lists of terms).
struct HelpText {
  enum Part: Equatable {
    case paragraph(String)
    case lines([String])
  }

  let parts: [Part]

  /// Reads a text whose paragraphs are a line each, with empty lines between, and whose lines to be set as they stand
  /// begin with two spaces.
  init(_ text: String) {
    var parts: [Part] = []
    var lines: [String] = []
    func endLines() {
      while lines.last?.isEmpty == true { lines.removeLast() }
      if !lines.isEmpty { parts.append(.lines(lines)) }
      lines = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("  ") {
        lines.append(line)
      } else {
        endLines()
        if !line.isEmpty { parts.append(.paragraph(line)) }
      }
    }
    endLines()
    self.parts = parts
  }

  /// The text in lines of at most `width` columns, as far as words allow.
  func wrapped(to width: Int) -> String {
    parts.map { part in
      switch part {
      case .paragraph(let text): Self.wrap(text, width, indent: 0)
      case .lines(let lines): lines.map { Self.wrapEntry($0, width) }.joined(separator: "\n")
      }
    }.joined(separator: "\n\n") + "\n"
  }

  /// A line of two columns: the second is wrapped below itself.
  static func wrapEntry(_ line: String, _ width: Int) -> String {
    guard columns(of: line) > width else { return line }
    let indent = line.prefix { $0 == " " }.count
    guard let gap = line.dropFirst(indent).firstRange(of: "  ") else { return line }
    let rest = line[gap.lowerBound...].drop { $0 == " " }
    let start = line.distance(from: line.startIndex, to: rest.startIndex)
    guard width - start >= 20 else { return line }
    let text = wrap(String(rest), width - start, indent: start)
    return String(line[..<rest.startIndex]) + text
  }

  private static func wrap(_ text: String, _ width: Int, indent: Int) -> String {
    var lines: [String] = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if columns(of: last) + 1 + columns(of: word) <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.joined(separator: "\n" + String(repeating: " ", count: indent))
  }
}
