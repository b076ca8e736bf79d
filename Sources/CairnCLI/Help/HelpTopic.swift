/// What there is to know beside the commands: `cairn help TOPIC`, and a manual page of section 7 each.
struct HelpTopic: Sendable {
  var name: String
  /// One line, as a command's.
  var abstract: String
  /// Paragraphs, a line each; lines that begin with two spaces stay as they are, see ``HelpText``.
  var text: String

  /// All of them, in the order in which they are listed.
  static let all: [HelpTopic] = [
    names, expressions, repository, pointers, retention, sql, json, exitCodes, environment,
  ]

  /// The list of topics, as lines of a help screen.
  static var list: String {
    let width = all.map(\.name.count).max() ?? 0
    return all.map { topic in
      "  \(topic.name)\(String(repeating: " ", count: width - topic.name.count + 2))\(topic.abstract)\n"
    }.joined()
  }
}
