import ArgumentParser
import Cairn

/// `cairn annotate`
struct Annotate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "annotate",
    abstract: "Set metrics and metadata of a checkpoint, or take them away.",
    usage: "cairn annotate [<options>] <path[@n] | pointer>",
    discussion: """
        cairn annotate last.ckpt@7 --metric test_acc=0.91 --meta note="for the paper"
        cairn annotate best --unset note

      Content is never changed, nor what was read out of it. A value of --meta is JSON where it is some, else text.

      JSON: checkpoint (as `cairn log` gives it), warnings.
      """)

  @Argument(
    help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var name: String

  @Option(
    name: .customLong("metric"), parsing: .singleValue,
    help: ArgumentHelp("A number that says how good it is. May be repeated.", valueName: "name=value"),
    completion: Completions.metric)
  var metrics: [Metric] = []

  @Option(
    name: .customLong("meta"), parsing: .singleValue,
    help: ArgumentHelp("Something else to be known of it. May be repeated.", valueName: "key=value"))
  var metadata: [KeyValue] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("A metric, or a key of metadata, to take away. May be repeated.", valueName: "name"))
  var unset: [String] = []

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if metrics.isEmpty && metadata.isEmpty && unset.isEmpty {
      throw ValidationError("nothing to change: give --metric, --meta or --unset")
    }
  }

  func run() throws {
    let console = output.console
    let pointed = try repository.pointed(name, console)
    let repository = try pointed?.repository ?? repository.open(console)
    let record = try pointed?.record ?? repository.resolve(name)
    var annotation = Annotation()
    for metric in metrics { annotation.metrics[metric.name] = metric.value }
    for entry in metadata { annotation.metadata[entry.key] = entry.value }
    annotation.unset = unset
    let report = try repository.annotate(PathName(path: record.path, version: record.version), annotation)
    console.warn(report.warnings)
    if console.json { return try console.result(json: View(report)) }
    try console.message("annotated \(printable(report.checkpoint.name))")
  }

  private struct View: Encodable {
    var checkpoint: CheckpointView
    var warnings: [String]

    init(_ report: AnnotationReport) {
      checkpoint = CheckpointView(report.checkpoint)
      warnings = report.warnings
    }
  }
}
