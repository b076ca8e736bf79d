import ArgumentParser
import Cairn

/// `cairn runs`
struct Runs: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract: "List training runs, newest first.",
    usage: "cairn runs [<options>]",
    discussion: """
      Metrics are those of the newest checkpoint that has them. "new" is what the run's checkpoints brought that the \
      repository had not.

        cairn runs
        cairn runs --json | jq '.runs[] | select(.metrics.val_loss.min < 0.3).name'

      JSON: runs (a list): id, name, created, last_saved (of its newest checkpoint), checkpoints (how many), \
      first_step, last_step (the smallest and the largest), metrics (for each last, min, max), size, new_bytes, \
      metadata.
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("At most so many.", valueName: "n"))
  var limit: Int?

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit must not be negative") }
  }

  func run() throws {
    let console = output.console
    let runs = try repository.open(console).runs(limit: limit)
    if console.json { return try console.result(json: ["runs": runs.map(RunView.init)]) }
    if runs.isEmpty { return }
    try console.result(RunView.table(runs, console.sizes))
  }
}
