import ArgumentParser
import Cairn

/// `cairn demo`
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show what a repository does, with sample checkpoints.",
    usage: "cairn demo [<options>] [<folder>]",
    discussion: """
      Makes a repository in a temporary folder, saves the checkpoints of FOLDER there (otherwise the samples of \
      Cairn's source code, Tests/Fixtures/finetune, looked for in this directory and above), shows what they share, \
      restores one and compares it with the original, removes one and shows what that frees. Nothing else is touched, \
      and the temporary folder goes at the end, unless --keep is given.

        cairn demo
        cairn demo ~/runs/7/checkpoints

      JSON: repository (if it is kept), saved (as `cairn save`), logical_bytes, stored_bytes, restored (checkpoint, \
      sha256, identical), removed, freed_bytes, problems.
      """)

  @Argument(help: ArgumentHelp("Where the checkpoints are.", valueName: "folder"), completion: .directory)
  var folder: String?

  @Flag(help: "Keep the temporary repository.")
  var keep = false

  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let samples = try SampleCheckpoints(folder: folder)
    let place = try TemporaryFolder(keep: keep)
    defer { place.remove() }
    let demonstration = try Demonstration(samples: samples, place: place, console: console)
    let report = try demonstration.perform()
    if console.json { try console.result(json: report) }
    guard report.restored.identical, report.problems == 0 else { throw ExitCode(ExitStatus.problemsFound.rawValue) }
  }
}
