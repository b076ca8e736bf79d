import ArgumentParser
import Cairn

/// `cairn cp`
struct Copy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp",
    abstract: "Make a new version of a path out of a checkpoint, sharing its bytes.",
    usage: "cairn cp [<options>] <path[@n]> <dst>",
    discussion: """
        cairn cp last.ckpt@7 released/v1
        cairn cp best candidates/7 --tag candidate

      What no option gives (run, step, epoch, metrics, metadata) is the source's. Tags stay with the source.

      JSON: id, name, path, version, manifest, size, new_bytes, warnings.
      """)

  @Argument(help: ArgumentHelp("The checkpoint: a path, path@n or a tag.", valueName: "path[@n]"))
  var source: String

  @Argument(help: ArgumentHelp("The name in the repository that gets a new version.", valueName: "dst"))
  var destination: String

  @OptionGroup var description: DescriptionOptions
  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let record = try repository.resolve(source)
    var request = SaveRequest(path: destination)
    description.apply(to: &request)
    let report = try repository.copy(PathName(path: record.path, version: record.version), request)
    console.warn(report.warnings)
    if console.json { return try console.result(json: SaveView(report)) }
    try console.message(
      "copied \(printable(record.name)) to \(printable("\(report.path)@\(report.version)")): "
        + "\(console.sizes.text(report.size)), nothing new")
  }
}
