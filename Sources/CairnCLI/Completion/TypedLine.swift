import Cairn
import Logging

/// A command line that somebody is typing.
struct TypedLine {
  /// The word at the cursor, up to it.
  let prefix: String
  /// What stands before it and is no option, the command's name left out.
  let earlier: [String]
  private let repo: String?

  init(_ words: [String], _ index: Int, _ prefix: String) {
    self.prefix = Self.unquoted(prefix)
    let words = words.map(Self.unquoted)
    var repo: String?
    for (position, word) in words.enumerated() where position != index {
      if word == "--repo", position + 1 < words.count, position + 1 != index { repo = words[position + 1] }
      if word.hasPrefix("--repo=") { repo = String(word.dropFirst(7)) }
    }
    self.repo = repo
    // Values of options are among them: who looks for a checkpoint takes the first that is one.
    earlier = words[..<min(max(index, 0), words.count)].dropFirst(2).filter { !$0.hasPrefix("-") }
  }

  /// Names that `body` finds in the repository that is meant; none if there is none, or anything is wrong with it.
  func names(_ body: (CompletedNames) throws -> [String]) -> [String] {
    do {
      let path = try RepositoryDiscovery().repository(named: repo.map(Self.expanded))
      let silent = Logger(label: "cairn") { _ in SwiftLogNoOpLogHandler() }
      return try body(CompletedNames(repository: Repository(opening: path, logger: silent)))
    } catch {
      return []
    }
  }

  /// `~` is the shell's, which does not expand what it completes.
  private static func expanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = RepositoryDiscovery().environment["HOME"] else { return path }
    return home + path.dropFirst()
  }

  /// A word as the shell would hand it over, quotes that are still open included.
  static func unquoted(_ word: String) -> String {
    guard word.contains(where: { $0 == "\\" || $0 == "'" || $0 == "\"" }) else { return word }
    var result = ""
    var quote: Character?
    var isEscaped = false
    for character in word {
      if isEscaped {
        result.append(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
      } else {
        result.append(character)
      }
    }
    return result
  }
}
