import ArgumentParser
import Cairn

/// `cairn help`, `cairn help TOPIC`: what the argument parser's own `help` does not know of.
enum HelpRequest {
  /// Answers the arguments if they ask for a topic, or for the list of all; false if they ask for something else.
  ///
  /// Throws ``CairnError/Kind/invalid`` for what is neither a topic nor a command.
  static func answer(_ arguments: [String]) throws -> Bool {
    guard arguments.first == "help", arguments.count <= 2 else { return false }
    guard arguments.count == 2 else {
      let help = CairnCommand.helpMessage(columns: width)
      try Terminal.output.write("\(help)\n\nTOPICS, for cairn help <topic>:\n\(HelpTopic.list)")
      return true
    }
    let name = arguments[1]
    if let topic = HelpTopic.all.first(where: { $0.name == name }) {
      let style = Style(enabled: Terminal.output.wantsColor)
      let head = HelpText("\(topic.name): \(topic.abstract)").wrapped(to: width).dropLast()
      try Terminal.output.write("\(style.bold(String(head)))\n\n\(HelpText(topic.text).wrapped(to: width))")
      return true
    }
    guard !name.hasPrefix("-"), !CairnCommand.commandNames.contains(name), name != "help" else { return false }
    throw CairnError(
      .invalid, "\(name): neither a command nor a topic of help",
      advice: "the topics are \(HelpTopic.all.map(\.name).joined(separator: ", ")); `cairn --help` lists the commands")
  }

  /// Long lines are hard to read.
  private static var width: Int { min(Terminal.output.width ?? 80, 100) }
}

extension CairnCommand {
  /// The names of all commands that are shown.
  static var commandNames: [String] {
    configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
  }
}
