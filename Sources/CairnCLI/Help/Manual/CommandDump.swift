import ArgumentParser
import Foundation

/// What the argument parser says of a command's arguments (its `--experimental-dump-help`), as far as a manual page says
/// it.
struct CommandDump: Decodable {
  struct Argument: Decodable {
    enum Kind: String, Decodable {
      case positional, option, flag
    }

    struct Name: Decodable {
      var kind: String
      var name: String
    }

    var kind: Kind
    var shouldDisplay: Bool
    var isOptional: Bool
    var isRepeating: Bool
    var names: [Name]?
    var valueName: String?
    var defaultValue: String?
    var abstract: String?
    var discussion: String?
  }

  private struct Tool: Decodable {
    var command: CommandDump
  }

  var arguments: [Argument]?

  /// What it says of one command, without those below it.
  static func of(_ command: any ParsableCommand.Type) throws -> CommandDump {
    try JSONDecoder().decode(Tool.self, from: Data(command._dumpHelp().utf8)).command
  }
}
