import ArgumentParser
import Cairn

/// `cairn log`
struct Log: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List checkpoints, newest first.",
    usage: "cairn log [<options>] [<path> ...]",
    discussion: """
      Columns that nobody has a value for are left out. "new" is what was new to the repository when it was saved. \
      Checkpoints of which something is missing are marked incomplete, those that cannot be read unreadable.

        cairn log
        cairn log last.ckpt --limit 5
        cairn log --run resnet-7 --oneline
        cairn log --removed                  what was removed, when and by whom

      A path may be a pointer file: then the version that it points to is listed, from the repository that the first \
      pointer among the paths names.

      JSON: checkpoints (a list): id, name, path, version, kind (state, file, directory), state (whole, incomplete, \
      unreadable), run, parent, step, epoch, metrics, tags, metadata, extracted, created, host, user, size, \
      new_bytes, tensor_count, manifest. With --removed: removed (a list): id, name, time, user, host.
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

  @Option(name: .shortAndLong, help: ArgumentHelp("At most so many.", valueName: "n"))
  var limit: Int?

  @Flag(help: "List what was removed instead: when, by whom and on which host.")
  var removed = false

  @Flag(help: "Print one short line each.")
  var oneline = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit must not be negative") }
    if removed, runName != nil || tag != nil || oneline {
      throw ValidationError("--removed goes with paths and --limit only")
    }
  }

  func run() throws {
    let console = output.console
    if removed { return try listRemoved(repository.open(console), console) }
    let pointed = try paths.map { try repository.pointed($0, console) }
    let records = try records(in: pointed.lazy.compactMap { $0 }.first?.repository ?? repository.open(console), pointed)
    if console.json { return try console.result(json: ["checkpoints": records.map(CheckpointView.init)]) }
    if records.isEmpty { return }
    if oneline {
      for record in records { try console.result(CheckpointLine(record).text(console) + "\n") }
    } else {
      try console.result(CheckpointTable(records, console.sizes).table)
    }
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
    if paths.isEmpty { return try repository.checkpoints(run: runName, tag: tag, limit: limit) }
    let names = try zip(paths, pointed).map { argument, pointed -> PathName in
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
    let all = try repository.checkpoints(paths: Array(Set(names.map(\.path))), run: runName, tag: tag)
    let wanted = all.filter { record in
      names.contains { $0.path == record.path && ($0.version == nil || $0.version == record.version) }
    }
    return Array(wanted.prefix(limit ?? .max))
  }
}
