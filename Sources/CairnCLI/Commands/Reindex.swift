import ArgumentParser
import Cairn

/// `cairn reindex`
struct Reindex: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reindex",
    abstract: "Make the index anew from the log.",
    usage: "cairn reindex [<options>]",
    discussion: """
      The index is a cache, and is rebuilt by itself when it is missing or damaged; this does so whatever its state.

        cairn reindex

      JSON: checkpoints, incomplete.
      """)

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let progress = console.progress("reading the log")
    defer { progress.finish() }
    try repository.reindex { progress.update($0, $1) }
    progress.finish()
    let stats = try repository.stats()
    if console.json {
      return try console.result(json: ["checkpoints": stats.checkpoints, "incomplete": stats.incomplete])
    }
    let incomplete = stats.incomplete > 0 ? ", \(stats.incomplete) of them incomplete" : ""
    try console.message("indexed \(counted(stats.checkpoints, "checkpoint"))\(incomplete)")
  }
}
