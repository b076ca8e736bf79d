import ArgumentParser
import Foundation

/// All manual pages: one of the program and one of each command in section 1, one of each help topic in section 7.
struct ManualPages {
  /// A page, and what its file is called.
  struct Page {
    var file: String
    var text: String
  }

  private let date: String

  /// - Parameter date: What the pages say when they were made.
  init(date: Date) {
    self.date = date.formatted(
      Date.VerbatimFormatStyle(
        format: "\(month: .wide) \(day: .defaultDigits), \(year: .padded(4))",
        locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt, calendar: Calendar(identifier: .gregorian)))
  }

  /// The pages, in the order of the commands' list.
  func all() throws -> [Page] {
    var pages = [try program()]
    for command in commands { pages.append(try page(of: command)) }
    return pages + HelpTopic.all.map(page)
  }

  private var commands: [any ParsableCommand.Type] {
    CairnCommand.configuration.subcommands.filter { $0.configuration.shouldDisplay }
  }

  private func program() throws -> Page {
    let configuration = CairnCommand.configuration
    var page = Mdoc(name: "cairn", section: 1, abstract: configuration.abstract, date: date)
    page.section("SYNOPSIS")
    page.macro("Nm cairn")
    page.macro("Ar command")
    page.macro("Op Ar options")
    page.section("DESCRIPTION")
    page.help(HelpText(configuration.discussion))
    page.section("COMMANDS")
    page.macro("Bl -tag -width Ds")
    for command in commands {
      page.macro("It Xr cairn-\(command._commandName) 1")
      page.prose(command.configuration.abstract)
    }
    page.macro("El")
    page.section("SEE ALSO")
    let topics = HelpTopic.all.map(\.name).sorted()
    for topic in topics { page.macro("Xr cairn-\(topic) 7\(topic == topics.last ? "" : " ,")") }
    return Page(file: "cairn.1", text: page.text)
  }

  private func page(of command: any ParsableCommand.Type) throws -> Page {
    let configuration = command.configuration
    let name = "cairn-" + command._commandName
    var page = Mdoc(name: name, section: 1, abstract: configuration.abstract, date: date)
    page.section("SYNOPSIS")
    let usage = configuration.usage ?? "cairn \(command._commandName) [<options>]"
    for (index, line) in usage.split(separator: "\n").enumerated() {
      if index > 0 { page.macro("Pp") }
      page.prose(String(line))
    }
    page.section("DESCRIPTION")
    page.prose(configuration.abstract)
    let help = HelpText(configuration.discussion)
    if case .paragraph? = help.parts.first { page.macro("Pp") }
    page.help(help)
    try options(of: command, to: &page)
    page.section("SEE ALSO")
    page.macro("Xr cairn 1 ,")
    page.macro("Xr cairn-exit-codes 7 ,")
    page.macro("Xr cairn-names 7")
    return Page(file: name + ".1", text: page.text)
  }

  private func options(of command: any ParsableCommand.Type, to page: inout Mdoc) throws {
    let arguments = try (CommandDump.of(command).arguments ?? []).filter(\.shouldDisplay)
    guard !arguments.isEmpty else { return }
    page.section("OPTIONS")
    page.macro("Bl -tag -width Ds")
    for argument in arguments {
      page.macro("It \(heading(argument))")
      let text = [argument.abstract, argument.discussion].compactMap { $0 }.filter { !$0.isEmpty }
      var prose = text.joined(separator: " ")
      if let value = argument.defaultValue, argument.kind == .option { prose += " The default is \(value)." }
      if !prose.isEmpty { page.prose(prose) }
    }
    page.macro("El")
  }

  private func heading(_ argument: CommandDump.Argument) -> String {
    let value = Mdoc.argument(argument.valueName ?? "value")
    guard argument.kind != .positional else { return "Ar \(value)\(argument.isRepeating ? " ..." : "")" }
    let names = (argument.names ?? []).map { "Fl \($0.kind == "long" ? "\\-" : "")\(Mdoc.argument($0.name))" }
    return names.joined(separator: " , ") + (argument.kind == .option ? " Ar \(value)" : "")
  }

  private func page(of topic: HelpTopic) -> Page {
    let name = "cairn-" + topic.name
    var page = Mdoc(name: name, section: 7, abstract: topic.abstract, date: date)
    page.section("DESCRIPTION")
    page.help(HelpText(topic.text))
    page.section("SEE ALSO")
    page.macro("Xr cairn 1")
    return Page(file: name + ".7", text: page.text)
  }
}
