import ArgumentParser
import Cairn

/// `cairn stats`
struct Stats: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how much there is, and how much of it is shared.",
    usage: "cairn stats [<options>]",
    discussion: """
        cairn stats
        cairn stats --bytes

      JSON: checkpoints, incomplete, runs, tensors (different ones), blobs, logical_bytes (as if each checkpoint were \
      a file of its own), stored_bytes, index_bytes (index and log), unreferenced_bytes (what gc would free).
      """)

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let stats = try repository.open(console).stats()
    if console.json { return try console.result(json: View(stats)) }
    let sizes = console.sizes
    let saved = sharing(logical: stats.logicalBytes, stored: stats.storedBytes).map { " (\($0))" } ?? ""
    var lines = [
      ("checkpoints", stats.checkpoints.formatted() + (stats.incomplete > 0 ? ", \(stats.incomplete) incomplete" : "")),
      ("runs", stats.runs.formatted()),
      ("tensors", stats.tensors.formatted()),
      ("blobs", stats.blobs.formatted()),
      ("logical", sizes.text(stats.logicalBytes)),
      ("stored", sizes.text(stats.storedBytes) + saved),
      ("index", sizes.text(stats.indexBytes)),
    ]
    if stats.unreferencedBytes > 0 { lines.append(("garbage", sizes.text(stats.unreferencedBytes))) }
    for (label, value) in lines {
      let padding = String(repeating: " ", count: 13 - label.count)
      try console.result("\(console.style.dim(label))\(padding)\(value)\n")
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

    init(_ stats: RepositoryStats) {
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
