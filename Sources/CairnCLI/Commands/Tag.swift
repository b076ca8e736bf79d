import ArgumentParser
import Cairn

/// `cairn tag`
struct Tag: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag",
    abstract: "List tags, make or move one, or delete one.",
    usage: "cairn tag [<options>] [<tag> <path[@n] | pointer>]",
    discussion: """
      A tag is a name for one checkpoint. It can be used wherever a checkpoint is named, and keeps the checkpoint from \
      being pruned.

        cairn tag                            list all tags
        cairn tag production last.ckpt@7     from now on it points there
        cairn tag --delete production        the checkpoint stays

      JSON: the list: tags, each with tag, id, name, path, version, run, step, epoch, metrics, created, size. Of one \
      that was made: tag, id, name, previous (the path@n that it pointed to before), warnings; of one that was deleted: \
      tag, previous, warnings.
      """)

  @Argument(help: ArgumentHelp("The tag.", valueName: "tag"), completion: Completions.tag)
  var tag: String?

  @Argument(
    help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var target: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Delete this tag.", valueName: "tag"), completion: Completions.tag)
  var delete: String?

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if delete != nil, tag != nil { throw ValidationError("--delete goes with nothing else") }
    if tag != nil, target == nil { throw ValidationError("a tag needs the checkpoint that it is for") }
  }

  func run() throws {
    let console = output.console
    if let delete {
      let report = try repository.open(console).untag(delete)
      return try say(report, console) { "deleted \(delete), which pointed to \($0)" }
    }
    guard let tag, let target else { return try list(repository.open(console), console) }
    let pointed = try repository.pointed(target, console)
    let repository = try pointed?.repository ?? repository.open(console)
    let record = try pointed?.record ?? repository.resolve(target)
    let report = try repository.tag(tag, PathName(path: record.path, version: record.version))
    try say(report, console) { previous in
      let moved = previous.isEmpty || previous == record.name ? "" : " instead of \(previous)"
      return "\(tag) points to \(record.name)\(moved)"
    }
  }

  private func say(_ report: TagReport, _ console: Console, _ message: (String) -> String) throws {
    console.warn(report.warnings)
    if console.json { return try console.result(json: ChangeView(report)) }
    try console.message(printable(message(report.previous?.name ?? "")))
  }

  private func list(_ repository: Repository, _ console: Console) throws {
    let tags = try repository.tags()
    if console.json { return try console.result(json: ["tags": tags.map { View($0.tag, $0.checkpoint) }]) }
    if tags.isEmpty { return }
    var table = Table([
      Table.Column(title: "tag", minimum: 12),
      Table.Column(title: "name", minimum: 20, truncation: .head),
      Table.Column(title: "run", minimum: 8, dispensable: 2),
      Table.Column(title: "step", alignment: .right, dispensable: 1),
      Table.Column(title: "metrics", minimum: 14, dispensable: 3),
      Table.Column(title: "size", alignment: .right, dispensable: 4),
      Table.Column(title: "created", dispensable: 5),
    ])
    for (tag, record) in tags {
      table.add([
        Table.Cell(tag, .tag), Table.Cell(record.name, record.state == .whole ? .name : .bad),
        Table.Cell(record.run ?? ""), Table.Cell(record.step.map(String.init) ?? ""),
        Table.Cell(metricsText(record.metrics)), Table.Cell(console.sizes.text(record.size)),
        Table.Cell(localTime(record.created), .faint),
      ])
    }
    try console.result(table)
  }

  private struct ChangeView: Encodable {
    var tag: String
    var id: String?
    var name: String?
    var previous: String?
    var warnings: [String]

    init(_ report: TagReport) {
      tag = report.tag
      id = report.checkpoint?.id
      name = report.checkpoint?.name
      previous = report.previous?.name
      warnings = report.warnings
    }
  }

  private struct View: Encodable {
    var tag: String
    var id: String
    var name: String
    var path: String
    var version: Int
    var run: String?
    var step: Int?
    var epoch: Int?
    var metrics: [String: Double]
    var created: String
    var size: Int

    init(_ tag: String, _ record: CheckpointRecord) {
      self.tag = tag
      id = record.id
      name = record.name
      path = record.path
      version = record.version
      run = record.run
      step = record.step
      epoch = record.epoch
      metrics = record.metrics
      created = record.created
      size = record.size
    }
  }
}
