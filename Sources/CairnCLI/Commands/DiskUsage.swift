import ArgumentParser
import Cairn

/// `cairn du`
struct DiskUsage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "du",
    abstract: "Show what each path takes, and what removing it would free.",
    usage: "cairn du [<options>] [<path[@n]> ...]",
    discussion: """
      "frees" is what removing it alone frees at once, exactly; the total is that of removing all that are listed, \
      which is more where they share bytes with each other only. "in packs" is what only it needs, but in a pack of \
      small blobs that something else needs as well: gc gets it back when less than half of the pack is needed. \
      "shared" is what something else needs as well. What frees most comes first.

        cairn du
        cairn du last.ckpt --versions
        cairn du -v --limit 10

      JSON: paths or, with --versions, versions (a list), and total: \(HoldingView.fields).
      """)

  @Argument(
    help: ArgumentHelp("Only these paths or versions.", valueName: "path[@n]"), completion: Completions.checkpoint)
  var names: [String] = []

  @Flag(name: .shortAndLong, help: "List versions instead of paths.")
  var versions = false

  @Option(name: [.customShort("n"), .long], help: ArgumentHelp("List at most so many.", valueName: "n"))
  var limit: Int?

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if let limit, limit < 0 { throw ValidationError("--limit must not be negative") }
  }

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let wanted = try names.map { argument -> PathName in
      if let name = try repository.resolvePath(argument) { return name }
      let record = try repository.resolve(argument)
      return PathName(path: record.path, version: record.version)
    }
    let holdings = try repository.holdings(by: versions ? .version : .path, of: wanted)
    console.warn(ifBlocked: holdings)
    if console.json { return try console.result(json: View(holdings, versions: versions, limit: limit)) }
    if holdings.groups.isEmpty { return }
    let title = versions ? "version" : "path"
    try console.result(
      HoldingsTable(holdings, title: title, unnamed: "", console.sizes, limit: limit).table)
  }

  private struct View: Encodable {
    var paths: [HoldingView]?
    var versions: [HoldingView]?
    var total: HoldingView

    init(_ holdings: Holdings, versions: Bool, limit: Int?) {
      let groups = holdings.groups.prefix(limit ?? .max).map(HoldingView.init)
      if versions { self.versions = groups } else { paths = groups }
      total = HoldingView(holdings.total)
    }
  }
}
