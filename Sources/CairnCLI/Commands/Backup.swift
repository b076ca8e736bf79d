import ArgumentParser
import Cairn
import Synchronization

/// `cairn backup`
struct Backup: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy the repository into a directory, consistently while it is in use.",
    usage: "cairn backup <dest> [<options>]",
    discussion: """
      The first time everything is taken, from then on only what is new; what was removed here and is no longer needed \
      is removed there. The copy is a repository: `cairn log --repo DEST`, `restore`, `verify` work on it, and putting \
      it back is copying it. Stopped or killed at any moment, it still is what the last whole backup made it, and the \
      next one goes on. Do not save into it: then it is of another history, and the next backup refuses.

        cairn backup /mnt/disk/training.backup
        cairn backup /mnt/disk/training.backup --dry-run

      On the same filesystem, files get a second name there (a hard link), which takes no time and no space: blobs \
      never change, and removing one here leaves the other. That guards against a wrong `rm` or `prune`, and against \
      nothing that happens to the disk: both names are the same bytes, and rot together. With --copy, or on another \
      disk, they are bytes of their own, and each is checked while it is read: one that is damaged here is never put \
      in the place of a good one there. `cairn verify --read-data --repo DEST` reads them again.

      The last directory of DEST is made if it is not there, those above it are not: a disk that is not mounted is \
      noticed. Ends with exit code 2 if the repository itself lacks files: then the backup has everything else.

      JSON: path, checkpoints, log_bytes, files, bytes, and of these new_files, new_bytes, reused_files, reused_bytes, \
      linked_files, linked_bytes, cloned_files, cloned_bytes (reflinks), copied_files, copied_bytes; removed_files, \
      removed_bytes, dry_run, warnings, problems (a list): what, problem, checkpoints.
      """)

  @Argument(help: "Where to: a new or empty directory, or one with an earlier backup.", completion: .directory)
  var dest: String

  @Flag(help: "Copy the bytes, also where a hard link or a reflink would do.")
  var copy = false

  @Flag(name: .customLong("dry-run"), help: "Only say what would be new, and what would be removed.")
  var dryRun = false

  @Flag(help: "Replace the backup's log although it is damaged or of another history: what only it has is lost.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if dest.isEmpty { throw ValidationError("no directory is named") }
  }

  func run() throws {
    let console = output.console
    let interruption = Interruption()
    // Before other threads are made, which inherit that the signals are left to one of them.
    Interruptions.handle { interruption.isAsked.store(true, ordering: .relaxed) }
    let repository = try repository.open(console)
    let progress = console.progress("backing up")
    defer { progress.finish() }
    var options = BackupOptions()
    options.method = copy ? .copy : .link
    options.force = force
    options.dryRun = dryRun
    options.progress = { progress.update($0, $1) }
    options.isCancelled = { interruption.isAsked.load(ordering: .relaxed) }
    let report = try repository.backup(to: dest, options)
    progress.finish()
    console.warn(report.warnings)
    if console.json {
      try console.result(json: BackupView(report, dryRun: dryRun))
    } else {
      try say(report, console)
    }
    if !report.problems.isEmpty { throw ExitCode(ExitStatus.problemsFound.rawValue) }
  }

  private final class Interruption: Sendable {
    let isAsked = Atomic(false)
  }

  private func say(_ report: BackupReport, _ console: Console) throws {
    for problem in report.problems {
      var text = "\(console.style.red("problem:")) \(printable(problem.path)): \(printable(problem.problem))\n"
      for name in problem.checkpoints { text += "  hurts \(printable(name))\n" }
      try console.result(text)
    }
    func amount(_ amount: BackupReport.Amount) -> String {
      "\(counted(amount.files, "file")), \(console.sizes.text(amount.bytes))"
    }
    let total = "\(counted(report.checkpoints, "checkpoint")) (\(amount(report.total)))"
    let rest = report.problems.isEmpty ? "" : ", without what the repository lacks"
    try console.message(
      dryRun
        ? "would back up \(total) to \(printable(report.path))"
        : "backed up \(total) to \(printable(report.path))\(rest)")
    let parts: [(String, BackupReport.Amount)] = [
      ("new", report.pending), ("linked", report.linked), ("cloned", report.cloned), ("copied", report.copied),
      ("there already", report.reused), (dryRun ? "would be removed" : "removed", report.removed),
    ]
    for (what, part) in parts where part.files > 0 { try console.message("  \(what): \(amount(part))") }
  }
}

/// What `backup` has done, in JSON.
struct BackupView: Encodable {
  struct Problem: Encodable {
    var what: String
    var problem: String
    var checkpoints: [String]
  }

  var path: String
  var checkpoints: Int
  var logBytes: Int
  var files: Int
  var bytes: Int
  var newFiles: Int
  var newBytes: Int
  var reusedFiles: Int
  var reusedBytes: Int
  var linkedFiles: Int
  var linkedBytes: Int
  var clonedFiles: Int
  var clonedBytes: Int
  var copiedFiles: Int
  var copiedBytes: Int
  var removedFiles: Int
  var removedBytes: Int
  var dryRun: Bool
  var warnings: [String]
  var problems: [Problem]

  init(_ report: BackupReport, dryRun: Bool) {
    path = report.path
    checkpoints = report.checkpoints
    logBytes = report.logBytes
    (files, bytes) = (report.total.files, report.total.bytes)
    (newFiles, newBytes) = (report.new.files, report.new.bytes)
    (reusedFiles, reusedBytes) = (report.reused.files, report.reused.bytes)
    (linkedFiles, linkedBytes) = (report.linked.files, report.linked.bytes)
    (clonedFiles, clonedBytes) = (report.cloned.files, report.cloned.bytes)
    (copiedFiles, copiedBytes) = (report.copied.files, report.copied.bytes)
    (removedFiles, removedBytes) = (report.removed.files, report.removed.bytes)
    self.dryRun = dryRun
    warnings = report.warnings
    problems = report.problems.map { Problem(what: $0.path, problem: $0.problem, checkpoints: $0.checkpoints) }
  }
}
