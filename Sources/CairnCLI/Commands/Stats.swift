import ArgumentParser
import Cairn
import Foundation

/// `cairn stats`
struct Stats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show how much there is, and how much of it is shared.",
    usage: "cairn stats [<options>]",
    discussion: """
      The chart shows how the repository came to what it holds now; what was removed is not in it. With --by, what \
      each run or path holds and what removing it alone would free ("frees", as cairn du says), or what tensors take \
      by the first parts of their names: "stored" is their blobs, each once, and "own" those that no other tensors need.

        cairn stats
        cairn stats --by run
        cairn stats --by tensor-prefix --depth 2

      JSON: checkpoints, incomplete, runs, tensors (different ones), blobs, logical_bytes (as if each checkpoint were \
      a file of its own), stored_bytes, dedup_ratio (of the two; absent if nothing is stored), index_bytes (index and \
      log), unreferenced_bytes (what gc would free), growth: seconds (how long a stretch is) and points (time at which \
      the stretch begins, and up to its end checkpoints, logical_bytes, stored_bytes), verified (a list, the newest \
      first): kind (files; data; data n/m), finished, problems. With --by run or path: runs or \
      paths (a list), and total: \(HoldingView.fields). With --by tensor-prefix: prefixes (a list): prefix (absent for \
      what is no tensor), names, logical_bytes, stored_bytes, own_bytes.
      """)

  @Option(
    help: ArgumentHelp("Add up by: \(StatsKey.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "key"))
  var by: StatsKey?

  @Option(help: ArgumentHelp("How many parts of a tensor's name count, with --by tensor-prefix.", valueName: "n"))
  var depth: Int?

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if let depth, depth < 1 { throw ValidationError("--depth must be at least 1") }
    if depth != nil, by != .tensorPrefix { throw ValidationError("--depth goes with --by tensor-prefix") }
  }

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    switch by {
    case .run: return try showHoldings(repository, .run, console)
    case .path: return try showHoldings(repository, .path, console)
    case .tensorPrefix:
      let holdings = try repository.holdings(byTensorPrefix: depth ?? 1)
      if console.json { return try console.result(json: ["prefixes": holdings.map(TensorPrefixView.init)]) }
      if !holdings.isEmpty { try console.result(TensorPrefixHolding.table(holdings, console.sizes)) }
      return
    case nil: break
    }
    let stats = try repository.stats()
    let growth = try repository.growth(stretches: GrowthChart.stretches(width: Terminal.output.width))
    let verifications = try repository.verifications()
    if console.json { return try console.result(json: View(stats, growth, verifications)) }
    let sizes = console.sizes
    let saved = sharing(logical: stats.logicalBytes, stored: stats.storedBytes).map { " (\($0))" } ?? ""
    let ratio = Self.ratio(stats).map { String(format: "%.1f×", $0) } ?? "–"
    var lines = [
      ("checkpoints", stats.checkpoints.formatted() + (stats.incomplete > 0 ? ", \(stats.incomplete) incomplete" : "")),
      ("runs", stats.runs.formatted()),
      ("tensors", stats.tensors.formatted()),
      ("blobs", stats.blobs.formatted()),
      ("logical", sizes.text(stats.logicalBytes)),
      ("stored", sizes.text(stats.storedBytes) + saved),
      ("dedup ratio", ratio),
      ("index", sizes.text(stats.indexBytes)),
    ]
    if stats.unreferencedBytes > 0 { lines.append(("garbage", sizes.text(stats.unreferencedBytes))) }
    lines.append(("verified", Self.verified(verifications)))
    for (label, value) in lines {
      let padding = String(repeating: " ", count: 13 - label.count)
      try console.result("\(console.style.dim(label))\(padding)\(value)\n")
    }
    let chart = GrowthChart(growth, sizes).text(console.style, width: Terminal.output.width)
    if !chart.isEmpty { try console.result("\n" + chart) }
  }

  private static func verified(_ times: [VerificationTime]) -> String {
    guard let last = times.first(where: { $0.kind.hasPrefix("data") }) ?? times.first else { return "never" }
    let found = last.problems == 0 ? "" : ", \(counted(last.problems, "problem"))"
    return "\(localTime(last.finished)), \(last.kind)\(found)"
  }

  private func showHoldings(_ repository: Repository, _ key: HoldingKey, _ console: Console) throws {
    let holdings = try repository.holdings(by: key)
    console.warn(ifBlocked: holdings)
    if console.json {
      let groups = holdings.groups.map(HoldingView.init)
      return try console.result(
        json: HoldingsView(
          runs: key == .run ? groups : nil, paths: key == .path ? groups : nil, total: HoldingView(holdings.total)))
    }
    if holdings.groups.isEmpty { return }
    let table = HoldingsTable(holdings, title: key.rawValue, unnamed: "(no run)", console.sizes, limit: nil)
    try console.result(table.table)
  }

  private static func ratio(_ stats: RepositoryStats) -> Double? {
    stats.storedBytes > 0 ? Double(stats.logicalBytes) / Double(stats.storedBytes) : nil
  }

  private struct HoldingsView: Encodable {
    var runs: [HoldingView]?
    var paths: [HoldingView]?
    var total: HoldingView
  }

  private struct VerificationView: Encodable {
    var kind: String
    var finished: String
    var problems: Int

    init(_ time: VerificationTime) {
      kind = time.kind
      finished = time.finished
      problems = time.problems
    }
  }

  private struct View: Encodable {
    var checkpoints: Int
    var incomplete: Int
    var runs: Int
    var tensors: Int
    var blobs: Int
    var logicalBytes: Int
    var storedBytes: Int
    var indexBytes: Int
    var unreferencedBytes: Int
    var dedupRatio: Double?
    var growth: GrowthView
    var verified: [VerificationView]

    init(_ stats: RepositoryStats, _ growth: Growth, _ verifications: [VerificationTime]) {
      dedupRatio = ratio(stats)
      self.growth = GrowthView(growth)
      verified = verifications.map(VerificationView.init)
      checkpoints = stats.checkpoints
      incomplete = stats.incomplete
      runs = stats.runs
      tensors = stats.tensors
      blobs = stats.blobs
      logicalBytes = stats.logicalBytes
      storedBytes = stats.storedBytes
      indexBytes = stats.indexBytes
      unreferencedBytes = stats.unreferencedBytes
    }
  }
}
