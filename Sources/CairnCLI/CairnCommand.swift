import ArgumentParser
import Cairn
import Glibc

/// `cairn`
@main
struct CairnCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cairn",
    abstract: "A repository for checkpoints: each byte is stored once.",
    discussion: """
        cairn init                               make a repository here
        cairn save last.ckpt --run r1 --tag best a new version of last.ckpt
        cairn log                                list what there is
        cairn restore last.ckpt@2 -o old.ckpt    write version 2, bit for bit
        cairn rm last.ckpt@2                     remove it, and free its bytes
        cairn demo                               see it with sample checkpoints

      The repository is the one that --repo names, else the one that the environment variable CAIRN_REPO names, else \
      the nearest .cairn in this directory or above, if it belongs to you or is on the list of trusted ones: \
      ~/.config/cairn/trusted (or under XDG_CONFIG_HOME), an absolute path a line, * for all.

      PATH[@n] names a checkpoint: the newest version of a path, or version n, or a tag. It is looked up as it stands, \
      and if there is no such name as a file-system path: below the directory that holds .cairn, files are stored \
      under their path relative to it, others under their absolute path.

      With --json, one JSON document is printed on standard output; names of fields stay as they are, sizes are \
      bytes, times UTC in ISO 8601, and a field whose value is unknown is left out. Errors and warnings are always \
      text on standard error.

      Exit codes:

      \(ExitStatus.list)

      `cairn help TOPIC` says more: \(HelpTopic.all.map(\.name).joined(separator: ", ")).
      """,
    version: "0.1.0",
    // Each says its own name: to make one of its type's takes the parser longer than many a command its work.
    groupedSubcommands: [
      CommandGroup(
        name: "Checkpoints",
        subcommands: [
          Save.self, Restore.self, Log.self, Runs.self, Show.self, Copy.self, Remove.self, Watch.self,
        ]),
      CommandGroup(
        name: "Tensors", subcommands: [ListTensors.self, Diff.self, Cat.self, Find.self, Blame.self]),
      CommandGroup(
        name: "Names and retention", subcommands: [Tag.self, Move.self, Annotate.self, Prune.self]),
      CommandGroup(
        name: "Repository",
        subcommands: [
          Init.self, Stats.self, DiskUsage.self, Query.self, Verify.self, CollectGarbage.self, Reindex.self,
          Backup.self, Demo.self,
        ]),
      CommandGroup(name: "Shell", subcommands: [CompletionsCommand.self, Manual.self]),
    ])

  /// The parser's errors look like all others.
  static var _errorLabel: String { "error" }

  /// Parses the arguments and runs the command: ends the process with the code that an error has.
  static func main() {
    var command: any ParsableCommand
    do {
      if try HelpRequest.answer(Array(CommandLine.arguments.dropFirst())) { return }
    } catch {
      end(with: error)
    }
    do {
      command = try parseAsRoot()
    } catch {
      exit(withError: error)
    }
    do {
      try command.run()
    } catch {
      end(with: error)
    }
  }

  /// Says what went wrong, and ends the process with the code that it has.
  private static func end(with error: any Error) -> Never {
    guard let status = ExitStatus(error) else { exit(withError: error) }
    let style = Style(enabled: Terminal.error.wantsColor && !CommandLine.arguments.contains("--no-color"))
    Terminal.error.tryWrite(ErrorReport.text(error, style: style))
    Glibc.exit(status.rawValue)
  }
}
