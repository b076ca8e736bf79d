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

      With --pointers, it looks instead for versions whose pointer files are gone (deleted by hand, or never written by \
      a process that died): what the plugin or `cairn cp` saved below these directories for a pointer, and no pointer in \
      them and no tag holds. It lists them, and with --remove frees them. A version whose pointer was moved out of \
      these directories is among them: name all directories in which pointers may lie, and look at the list first.

        cairn gc --pointers runs
        cairn gc --pointers runs /archive/runs --remove

      JSON: freed_files, freed_bytes, repacked_packs, temporary_directories, warnings. With --pointers: checkpoints (a \
      list, as that of `cairn log`), pointers (how many there are), removed (a list of path@n), freed_files, \
      freed_bytes, warnings.
      """)

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Look for versions whose pointers in these directories are gone.", valueName: "dir"),
    completion: .directory)
  var pointers: [String] = []

  @Flag(help: "Free the versions that --pointers lists.")
  var remove = false

  @Flag(help: "Go on although a checkpoint or a pointer cannot be read: what only it needs may be lost.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if remove && pointers.isEmpty { throw ValidationError("--remove needs --pointers") }
  }

  func run() throws {
    let console = output.console
    if !pointers.isEmpty { return try collectUnheld(console) }
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

  private func collectUnheld(_ console: Console) throws {
    let repository = try repository.open(console)
    let found: UnheldVersions
    var removal: Repository.Removal?
    if remove {
      let result = try repository.removeUnheld(below: pointers, force: force)
      found = result.found
      removal = result.removal
    } else {
      found = try repository.unheldVersions(below: pointers)
    }
    let warnings =
      found.unreadable.map { "nobody can say which versions this holds: \($0)" }
      + found.busyDirectories.map {
        "\($0): something is being written there, or was when its writer died, so its versions are left out; "
          + "an hour after the last write they no longer are"
      }
      + (removal?.warnings ?? [])
    console.warn(warnings)
    if console.json { return try console.result(json: UnheldView(found, removal, warnings)) }
    guard let removal else {
      if !found.checkpoints.isEmpty { try console.result(CheckpointTable(found.checkpoints, console.sizes).table) }
      return try console.message(
        "\(counted(found.checkpoints.count, "version")) without a pointer, "
          + "\(counted(found.pointerCount, "pointer")) found")
    }
    for name in removal.removed { try console.message("removed \(printable(name))") }
    try console.message(
      "freed \(console.sizes.text(removal.freed.bytes)) in \(counted(removal.freed.files, "file"))")
  }

  private struct UnheldView: Encodable {
    var checkpoints: [CheckpointView]
    var pointers: Int
    var removed: [String]
    var freedFiles: Int
    var freedBytes: Int
    var warnings: [String]

    init(_ found: UnheldVersions, _ removal: Repository.Removal?, _ warnings: [String]) {
      checkpoints = found.checkpoints.map { CheckpointView($0) }
      pointers = found.pointerCount
      removed = removal?.removed ?? []
      freedFiles = removal?.freed.files ?? 0
      freedBytes = removal?.freed.bytes ?? 0
      self.warnings = warnings
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
