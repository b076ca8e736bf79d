/// A manual page being written, in the language mdoc(7).
struct Mdoc {
  private(set) var text: String

  /// - Parameter date: As `June 1, 2026`.
  init(name: String, section: Int, abstract: String, date: String) {
    var abstract = abstract
    if abstract.hasSuffix(".") { abstract.removeLast() }
    text = """
      .\\" Made by `cairn manual` from the program's own help.
      .Dd \(date)
      .Dt \(name.uppercased()) \(section)
      .Os
      .Sh NAME
      .Nm \(Self.argument(name))
      .Nd \(Self.argument(abstract))

      """
  }

  /// Begins a section.
  mutating func section(_ title: String) { text += ".Sh \(title)\n" }

  /// A macro and its arguments, which are taken as they are.
  mutating func macro(_ line: String) { text += ".\(line)\n" }

  /// Text that is filled into lines.
  mutating func prose(_ prose: String) {
    for sentence in Self.sentences(prose) {
      for line in HelpText(sentence).wrapped(to: 76).split(separator: "\n") { text += Self.line(String(line)) + "\n" }
    }
  }

  /// Each sentence begins a line of its own: so formatters know where to set the wider space.
  private static func sentences(_ prose: String) -> [String] {
    var sentences: [[Substring]] = [[]]
    for word in prose.split(separator: " ") {
      if let last = sentences.last?.last, last.hasSuffix(".") || last.hasSuffix(".)") { sentences.append([]) }
      sentences[sentences.count - 1].append(word)
    }
    return sentences.map { $0.joined(separator: " ") }
  }

  /// A help text.
  mutating func help(_ help: HelpText) {
    for (index, part) in help.parts.enumerated() {
      switch part {
      case .paragraph(let paragraph):
        if index > 0 { macro("Pp") }
        prose(paragraph)
      case .lines(let lines):
        macro("Bd -literal -offset indent")
        for line in lines {
          for piece in HelpText.wrapEntry(String(line.dropFirst(2)), 70).split(
            separator: "\n", omittingEmptySubsequences: false)
          {
            text += Self.line(String(piece)) + "\n"
          }
        }
        macro("Ed")
      }
    }
  }

  /// A line of text: nothing in it is taken for a macro.
  private static func line(_ text: String) -> String {
    let escaped = escaped(text)
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }

  /// Text as an argument of a macro. Words that are macros themselves are called by the line they stand in, all of them
  /// have two or three characters.
  static func argument(_ text: String) -> String {
    text.split(separator: " ").map { word in
      let escaped = escaped(String(word)).replacing("\"", with: "\\(dq")
      let isPunctuation = word.count == 1 && !(word.first?.isLetter ?? false)
      return word.count <= 3 && word.first?.isUppercase == true || isPunctuation ? "\\&" + escaped : escaped
    }.joined(separator: " ")
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
  }
}
