import ArgumentParser
import Cairn

/// `cairn gc`
struct CollectGarbage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Free what nothing references: leftovers of crashes and failed saves.",
    usage: "cairn gc [<options>]",
    discussion: """
      Removing a checkpoint frees its bytes at once; this is for what a crash or a full disk has left. It may run \
      while others save.

        cairn gc

      JSON: freed_files, freed_bytes, repacked_packs, temporary_directories, warnings.
      """)

  @Flag(help: "Go on although a checkpoint cannot be read: blobs that only it needs may be lost.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let progress = console.progress("looking through blobs", of: .things)
    defer { progress.finish() }
    let report = try repository.open(console).collectGarbage(force: force) { progress.update($0, $1) }
    progress.finish()
    console.warn(report.warnings)
    if console.json { return try console.result(json: View(report)) }
    try console.message(
      "freed \(console.sizes.text(report.freed.bytes)) in \(counted(report.freed.files, "file"))")
    if report.repackedPacks > 0 { try console.message("rewrote \(counted(report.repackedPacks, "pack"))") }
    if report.temporaryDirectories > 0 {
      try console.message(
        "removed \(counted(report.temporaryDirectories, "temporary directory", "temporary directories"))")
    }
  }

  private struct View: Encodable {
    var freedFiles: Int
    var freedBytes: Int
    var repackedPacks: Int
    var temporaryDirectories: Int
    var warnings: [String]

    init(_ report: GarbageReport) {
      freedFiles = report.freed.files
      freedBytes = report.freed.bytes
      repackedPacks = report.repackedPacks
      temporaryDirectories = report.temporaryDirectories
      warnings = report.warnings
    }
  }
}
