import ArgumentParser
import Cairn

/// `cairn mv`
struct Move: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mv",
    abstract: "Give a path with all its versions, or one version, another name.",
    usage: "cairn mv [<options>] <path[@n]> <new>",
    discussion: """
        cairn mv last.ckpt runs/7/last.ckpt
        cairn mv last.ckpt@7 released/v1

      Names change, content does not; tags, parents and pointer files go on meaning the same checkpoints (a pointer \
      file stays where it is, and when it is replaced or removed, so is the version that it holds, whatever its name; a \
      tag keeps it). The versions of a path keep their numbers. Under a name that was in use before they go on after the \
      last number that was given there, where they are not above it anyway, and so does PATH@n: no number is ever given \
      again.

      NEW is a name as it stands; one that begins with / or ./ or ../ is a file's, stored as `cairn save` does. There \
      must be no checkpoint and no tag of that name.

      JSON: moved (a list): id, from, to; warnings.
      """)

  @Argument(help: ArgumentHelp("What to rename.", valueName: "path[@n]"), completion: Completions.path)
  var name: String

  @Argument(help: ArgumentHelp("Its new name.", valueName: "new"), completion: Completions.path)
  var new: String

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let isFile = ["/", "./", "../"].contains { new.hasPrefix($0) }
    let report = try repository.move(
      repository.renamable(name), to: isFile ? repository.name(forFile: new) : new)
    console.warn(report.warnings)
    if console.json { return try console.result(json: View(report)) }
    for moved in report.moved {
      try console.message("moved \(printable("\(moved.from)")) to \(printable("\(moved.to)"))")
    }
  }

  private struct View: Encodable {
    struct Moved: Encodable {
      var id: String
      var from: String
      var to: String
    }

    var moved: [Moved]
    var warnings: [String]

    init(_ report: MoveReport) {
      moved = report.moved.map { Moved(id: $0.id, from: $0.from.description, to: $0.to.description) }
      warnings = report.warnings
    }
  }
}

extension Repository {
  /// The path, or the one version, that an argument means; a tag as it stands, for which there is an error of its own.
  fileprivate func renamable(_ argument: String) throws -> PathName {
    if let name = try resolvePath(argument) { return name }
    _ = try resolve(argument)
    return PathName(parsing: argument)
  }
}
