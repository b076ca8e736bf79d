import ArgumentParser
import Cairn

/// `cairn prune`
struct Prune: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Remove checkpoints by rules, and free what only they need.",
    usage: "cairn prune [<options>] [<path> ...]",
    discussion: """
      A checkpoint stays if any rule keeps it; all others go, and never come back. Rules are applied to each group by \
      itself: the checkpoints of a run, or where there is no run the versions of a path. So in a sweep each run keeps \
      its 3 newest and its best; --group-by all picks the best of the whole sweep.

        cairn prune --keep-last 3 --keep-best val_loss --dry-run
        cairn prune --run sweep-4 --keep-best val_acc:max:2 --keep-every 10000
        cairn prune last.ckpt --keep-within 7d

      --keep-best METRIC[:min|:max][:N]: the N best (1 if it says none); low is good unless it says max. NaN is never \
      best. --keep-every: the earliest of each interval of that many steps. --keep-within: 90m, 36h, 7d, 2w, 1d12h, \
      counted back from the newest of the group. Newest means saved last.

      Tagged checkpoints always stay; --keep-tagged alone keeps nothing else. So do those of which something is \
      missing, and those that a pointer file holds, unless --pointers is given: then the pointer at a checkpoint's path \
      is deleted first if it names that very version. A policy that keeps nothing of a group is refused without --force.

      JSON: dry_run, kept, removed (lists of id, name, path, version, run, step, created, size, tags, group; of those \
      kept, rules: last, every, best METRIC, within, tagged, pointer, incomplete), freed_files, freed_bytes, unlinked \
      (pointer files), warnings. With --dry-run, what would be so.
      """)

  @Argument(
    help: ArgumentHelp("Only versions of these paths.", valueName: "path"), completion: Completions.checkpoint)
  var paths: [String] = []

  @Option(
    name: .customLong("run"), help: ArgumentHelp("Only those of a training run.", valueName: "run"),
    completion: Completions.run)
  var runName: String?

  @Option(name: .customLong("keep-last"), help: ArgumentHelp("Keep the newest.", valueName: "n"))
  var keepLast: Int?

  @Option(
    name: .customLong("keep-every"), help: ArgumentHelp("Keep one for each so many steps.", valueName: "steps"))
  var keepEvery: Int?

  @Option(
    name: .customLong("keep-best"), parsing: .singleValue,
    help: ArgumentHelp("Keep the best by a metric. May be repeated.", valueName: "metric[:min|:max][:n]"),
    completion: Completions.metric)
  var keepBest: [PrunePolicy.Best] = []

  @Option(
    name: .customLong("keep-within"),
    help: ArgumentHelp("Keep those not older than the group's newest by more than this.", valueName: "duration"))
  var keepWithin: TimeSpan?

  @Flag(name: .customLong("keep-tagged"), help: "Keep tagged ones, as always: a rule that may stand alone.")
  var keepTagged = false

  @Option(name: .customLong("group-by"), help: ArgumentHelp("What rules are applied to.", valueName: "run|path|all"))
  var groupBy = PrunePolicy.Grouping.run

  @Flag(help: "Also remove checkpoints that pointer files hold, and these files first.")
  var pointers = false

  @Flag(name: [.customLong("dry-run"), .customShort("n")], help: "Only say what would be removed and freed.")
  var dryRun = false

  @Flag(help: "Go on although nothing would stay of a group.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  private var policy: PrunePolicy {
    var policy = PrunePolicy()
    policy.grouping = groupBy
    (policy.keepLast, policy.keepEvery, policy.keepBest) = (keepLast, keepEvery, keepBest)
    (policy.keepWithin, policy.keepTagged) = (keepWithin?.seconds, keepTagged)
    return policy
  }

  func run() throws {
    let console = output.console
    try policy.validate()
    let repository = try repository.open(console)
    var selection = PruneSelection()
    selection.run = runName
    selection.paths = try paths.map { try path($0, in: repository) }
    let outcome = try dryRun ? plan(repository, selection) : prune(repository, selection, console)
    console.warn(outcome.warnings)
    if console.json { return try console.result(json: outcome) }
    guard dryRun || !console.quiet else { return }
    if !outcome.isEmpty { try console.result(outcome.table(console.sizes)) }
    for file in outcome.unlinked { try console.message("\(dryRun ? "would delete" : "deleted") \(printable(file))") }
    try console.result(outcome.summary(console.sizes) + "\n")
  }

  private func plan(_ repository: Repository, _ selection: PruneSelection) throws -> PruneView {
    let found = try pointers ? repository.prunablePointers(policy, selection) : []
    let released = found.reduce(into: Set<String>()) { $0.formUnion($1.releases) }
    let plan = try repository.planPrune(policy, selection, released: released)
    let empty = plan.groups.filter(\.keepsNothing).map { "nothing would stay of \($0.title): this needs --force" }
    return PruneView(
      dryRun: true, groups: plan.groups, freed: plan.freed, unlinked: found.map(\.file), warnings: force ? [] : empty)
  }

  private func prune(
    _ repository: Repository, _ selection: PruneSelection, _ console: Console
  ) throws -> PruneView {
    let progress = console.progress("unlinking files", of: .things)
    defer { progress.finish() }
    let report: PruneReport
    var unlinked: [String] = []
    if pointers {
      (report, unlinked) = try repository.pruneWithPointers(policy, selection, force: force) { progress.update($0, $1) }
    } else {
      report = try repository.prune(policy, selection, force: force) { progress.update($0, $1) }
    }
    return PruneView(
      dryRun: false, groups: report.groups, freed: report.removal.freed, unlinked: unlinked,
      warnings: report.removal.warnings)
  }

  private func path(_ argument: String, in repository: Repository) throws -> String {
    let name = try repository.requirePath(argument) { "name the path: \($0.path)" }
    guard name.version == nil else {
      throw CairnError(
        .invalid, "\(argument): is one version, and rules choose among versions",
        advice: "name the path, \(name.path), or remove that version with `cairn rm`")
    }
    return name.path
  }
}
