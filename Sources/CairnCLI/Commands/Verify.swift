import ArgumentParser
import Cairn

/// `cairn verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check the repository.",
    usage: "cairn verify [<options>]",
    discussion: """
      Looks whether the log, the index and the counts agree, and whether every blob is there and as long as it should \
      be; with --read-data also whether it holds what was written. Ends with exit code 2 if something is wrong, and \
      says which checkpoints and tensors it hurts.

        cairn verify
        cairn verify --read-data
        cairn verify --read-data-subset 1/7     a seventh of it
        cairn verify --read-data --repair --from copy.ckpt

      What is found bad is set aside (renamed to ….bad). The next save of the same bytes puts it back, and so does \
      --repair from files that have them: a copy of the checkpoint, an export, a checkpoint that shares its tensors. \
      The manifest itself, which says what of a file is where, comes back only from a copy with the file's \
      modification time (cp -p), and not if small tensors have moved to another pack since; save the copy anew then.

      JSON: checkpoints, blobs, bytes_read, repaired, problems (a list): what, problem, hurts (checkpoint, tensors).
      """)

  @Flag(name: .customLong("read-data"), help: "Read every blob and check its digest.")
  var readData = false

  @Option(
    name: .customLong("read-data-subset"),
    help: ArgumentHelp("Read the n-th of m parts of the blobs and check their digests.", valueName: "n/m"))
  var subset: Subset?

  @Flag(help: "Write a new log from the index, or a new index from the log, where one is lost or damaged.")
  var repair = false

  @Option(
    help: ArgumentHelp(
      "With --repair: a file or directory to put back missing bytes from; may be given again.", valueName: "file"),
    completion: .file())
  var from: [String] = []

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if !from.isEmpty, !repair { throw ValidationError("--from says where to repair from: give --repair too") }
  }

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let progress = console.progress("reading blobs")
    var options = VerifyOptions()
    options.readData = readData || subset != nil
    options.subset = subset.map { ($0.part, $0.count) }
    options.repair = repair
    options.progress = { progress.update($0, $1) }
    defer { progress.finish() }
    let report = try repository.verify(options, repairingFrom: from)
    progress.finish()
    if console.json {
      try console.result(json: VerifyView(report))
    } else {
      try say(report, console)
    }
    if !report.problems.isEmpty { throw ExitCode(ExitStatus.problemsFound.rawValue) }
  }

  private func say(_ report: VerifyReport, _ console: Console) throws {
    for repaired in report.repaired { try console.message("repaired: \(printable(repaired))") }
    for problem in report.problems {
      var text = "\(console.style.red("problem:")) \(printable(problem.what)): \(printable(problem.problem))\n"
      for hurt in problem.hurts { text += "  hurts \(printable(Self.describe(hurt)))\n" }
      try console.result(text)
    }
    let read = report.bytesRead > 0 ? ", \(console.sizes.text(report.bytesRead)) read" : ""
    let looked = "\(counted(report.checkpoints, "checkpoint")), \(counted(report.blobs, "blob"))\(read)"
    let found = report.problems.isEmpty ? "no problems" : counted(report.problems.count, "problem")
    try console.message("\(looked): \(found)")
  }

  private static func describe(_ hurt: VerifyReport.Hurt) -> String {
    guard !hurt.tensors.isEmpty else { return hurt.checkpoint }
    let some = hurt.tensors.prefix(5).joined(separator: ", ")
    let more = hurt.tensors.count > 5 ? " and \(hurt.tensors.count - 5) more" : ""
    return "\(hurt.checkpoint): \(some)\(more)"
  }
}

/// What `verify` has found, in JSON.
struct VerifyView: Encodable {
  struct Problem: Encodable {
    var what: String
    var problem: String
    var hurts: [Hurt]
  }

  struct Hurt: Encodable {
    var checkpoint: String
    var tensors: [String]
  }

  var checkpoints: Int
  var blobs: Int
  var bytesRead: Int
  var problems: [Problem]
  var repaired: [String]

  init(_ report: VerifyReport) {
    checkpoints = report.checkpoints
    blobs = report.blobs
    bytesRead = report.bytesRead
    problems = report.problems.map { problem in
      Problem(
        what: problem.what, problem: problem.problem,
        hurts: problem.hurts.map { Hurt(checkpoint: $0.checkpoint, tensors: $0.tensors) })
    }
    repaired = report.repaired
  }
}
