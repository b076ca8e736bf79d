import ArgumentParser
import Cairn

/// `cairn log`
struct Log: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "List checkpoints, newest first.",
    usage: "cairn log [<options>] [<path> ...]",
    discussion: """
      Columns that nobody has a value for are left out. "new" is what was new to the repository when it was saved, \
      "shared" what its parent has too. Checkpoints of which something is missing are marked incomplete, those that \
      cannot be read unreadable.

        cairn log
        cairn log last.ckpt --limit 5
        cairn log --run resnet-7 --oneline
        cairn log --graph                    with lines to what each was resumed from
        cairn log --where "step > 1000 and val_loss < 0.3" --sort val_loss
        cairn log --where "run like 'sweep-%' and hyper_parameters.lr >= 1e-4 and created > 7d ago"
        cairn log --removed                  what was removed, when and by whom

      --where takes an expression: name operator value, with = != < <= > >=, in (…), between … and …, like, glob, \
      is null, each also with not, joined by and, or, not and parentheses. Text stands in single quotes; sizes may \
      end in MB or MiB. A name is one of the columns
        \(CheckpointColumn.allCases.map(\.rawValue).joined(separator: " "))
      or else a metric (metrics.X), or else a path into the metadata given with the checkpoint (metadata.X) or, where \
      that has nothing, into what was read out of it (extracted.X), as in hyper_parameters.lr or \
      callbacks."a b"[0].x; odd names stand in double quotes. created takes a date in UTC, or a time ago (s m h d w). \
      tag = 'x' asks whether there is such a tag. A comparison with a value that is not there, or is of another type, \
      is no match, and neither is its opposite.

      --sort takes a name too: smallest first, or with - in front or :desc behind it largest first; checkpoints \
      without a value come last.

      A path may be a pointer file: then the version that it points to is listed, from the repository that the first \
      pointer among the paths names.

      JSON: checkpoints (a list): id, name, path, version, kind (state, file, directory), state (whole, incomplete, \
      unreadable), run, parent, step, epoch, metrics, tags, metadata, extracted, created, host, user, size, \
      new_bytes, shared_bytes, tensor_count, manifest. With --removed: removed (a list): id, name, time, user, host.
      """)

  @Argument(
    help: ArgumentHelp("Only versions of these paths.", valueName: "path"), completion: Completions.checkpoint)
  var paths: [String] = []

  @Option(
    name: .customLong("run"), help: ArgumentHelp("Only those of a training run.", valueName: "run"),
    completion: Completions.run)
  var runName: String?

  @Option(help: ArgumentHelp("Only the one with a tag.", valueName: "tag"), completion: Completions.tag)
  var tag: String?

  @Option(
    name: .customLong("where"), parsing: .unconditional,
    help: ArgumentHelp("Only those that a condition is true of; see above.", valueName: "expr"))
  var filter: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Sort by a column, a metric or metadata: KEY, -KEY, KEY:desc.", valueName: "key"))
  var sort: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("At most so many.", valueName: "n"))
  var limit: Int?

  @Flag(help: "List what was removed instead: when, by whom and on which host.")
  var removed = false

  @Flag(help: "Print one short line each.")
  var oneline = false

  @Flag(help: "Draw lines from each to the one that it follows, as `git log --graph` does.")
  var graph = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit must not be negative") }
    if removed, runName != nil || tag != nil || filter != nil || sort != nil || oneline || graph {
      throw ValidationError("--removed goes with paths and --limit only")
    }
    if oneline, graph { throw ValidationError("--oneline and --graph exclude each other") }
    if graph, sort != nil { throw ValidationError("--graph has an order of its own: --sort does not go with it") }
  }

  func run() throws {
    let console = output.console
    if removed { return try listRemoved(repository.open(console), console) }
    let pointed = try paths.map { try repository.pointed($0, console) }
    let opened = try pointed.lazy.compactMap { $0 }.first?.repository ?? repository.open(console)
    let records = try records(in: opened, pointed)
    if oneline, !console.json {
      for record in records { try console.result(CheckpointLine(record).text(console) + "\n") }
      return
    }
    let shared = try opened.bytesSharedWithParent(records)
    if console.json {
      return try console.result(json: ["checkpoints": records.map { CheckpointView($0, shared: shared[$0.id]) }])
    }
    if records.isEmpty { return }
    let lines = graph ? HistoryGraph(parents: try opened.nearestAncestors(records)).lines : nil
    try console.result(CheckpointTable(records, shared: shared, graph: lines, console.sizes).table)
  }

  private func listRemoved(_ repository: Repository, _ console: Console) throws {
    let paths = paths.flatMap { [$0, repository.name(forFile: $0)] }
    let removals = try repository.removals(paths: paths, limit: limit)
    if console.json { return try console.result(json: ["removed": removals.map(RemovedView.init)]) }
    if removals.isEmpty { return }
    try console.result(RemovedView.table(removals))
  }

  private func records(
    in repository: Repository, _ pointed: [PointedCheckpoint?]
  ) throws -> [CheckpointRecord] {
    var query = CheckpointQuery()
    (query.run, query.tag, query.filter, query.limit) = (runName, tag, filter, limit)
    query.order = try sort.map { try CheckpointOrder(parsing: $0) }
    query.names = try zip(paths, pointed).map { argument, pointed in
      if let pointed {
        guard pointed.repository.path == repository.path else {
          throw CairnError(
            .invalid, "\(argument): points into \(pointed.repository.path), not \(repository.path)",
            advice: "list it by itself")
        }
        return PathName(path: pointed.record.path, version: pointed.record.version)
      }
      if let name = try repository.resolvePath(argument) { return name }
      let record = try repository.resolve(argument)
      return PathName(path: record.path, version: record.version)
    }
    return try repository.checkpoints(query)
  }
}
