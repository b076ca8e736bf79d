import ArgumentParser
import Cairn
import Foundation

/// `cairn restore`
struct Restore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Write a checkpoint to a file or directory.",
    usage: "cairn restore [<options>] <path[@n] | pointer>",
    discussion: """
      A checkpoint that was saved from a file comes back as it was, bit for bit, with its modification time. All that \
      is read is checked. The file appears under its name once it is whole; nothing is overwritten without --force.

        cairn restore last.ckpt
        cairn restore last.ckpt@3 -o /tmp/old.ckpt
        cairn restore best -o model.safetensors --format safetensors

      Of a pointer file, which the Python plugin leaves at a checkpoint's path, this makes a real file of what it \
      points to, in the repository that it names: with -o elsewhere, with --force in the pointer's place. The version \
      stays in the repository, although no pointer may hold it any more, until `cairn rm` or `cairn gc --pointers`.

        cairn restore runs/7/last.ckpt -o /tmp/last.ckpt
        cairn restore runs/7/last.ckpt --force

      JSON: checkpoint, path, bytes, sha256 (with --sha256, of a single file), left_out.
      """)

  @Argument(
    help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var name: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Where to, or an existing directory to put it in; otherwise the path's last part, here, or the pointer's place.",
      valueName: "out"),
    completion: .file())
  var output: String?

  @Option(help: ArgumentHelp("original, pytorch or safetensors.", valueName: "format"))
  var format: ExportFormat?

  @Flag(help: "Replace what is there.")
  var force = false

  @Flag(help: "Compute the SHA-256 of the file, as sha256sum does, in a pass of its own.")
  var sha256 = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var printing: OutputOptions

  func run() throws {
    let console = printing.console
    let pointed = try repository.pointed(name, console)
    let repository = try pointed?.repository ?? repository.open(console)
    let record = try pointed?.record ?? repository.resolve(name)
    let destination = try pointed.map(destination) ?? destination(for: record)
    if let pointed { try pointed.repository.requireNoPointer(pointed.record) }
    // Without a version, a newer one that comes meanwhile is as good: resolved again if this one is removed.
    let asked = PathName(parsing: name)
    let exact = pointed != nil || asked.version != nil || !record.path.isExactly(asked.path)
    let progress = console.progress("restoring \(record.name)")
    var options = RestoreOptions()
    options.format = format
    options.overwrite = force
    options.computesDigest = sha256
    options.progress = { progress.update($0, $1) }
    defer { progress.finish() }
    let report = try repository.restore(
      PathName(path: record.path, version: exact ? record.version : nil), to: destination, options)
    progress.finish()
    console.warn(report.warnings)
    if console.json { return try console.result(json: RestoreView(report)) }
    try console.message(
      "restored \(printable(report.checkpoint)) to \(printable(report.path)): \(console.sizes.text(report.bytes))")
    if let digest = report.digest { try console.message("sha256 \(digest)") }
    if !report.leftOut.isEmpty {
      let some = report.leftOut.prefix(10).joined(separator: ", ")
      let more = report.leftOut.count > 10 ? " and \(report.leftOut.count - 10) more" : ""
      console.warn(["\(format?.rawValue ?? "the format") cannot hold \(some)\(more)"])
    }
  }

  private func destination(for record: CheckpointRecord) throws -> String {
    let last = lastPart(record.path)
    guard let output else {
      guard let last else {
        throw CairnError(.invalid, "\(record.name): its last part cannot name a file", advice: "say where to with -o")
      }
      return last
    }
    if let last, isDirectory(output), record.kind != "directory" { return path(in: output, last) }
    return output
  }

  private func destination(for pointed: PointedCheckpoint) throws -> String {
    guard let output else {
      guard force else {
        throw CairnError(
          .alreadyExists, "\(pointed.file): is the pointer itself",
          advice: "say where to with -o, or use --force to have the real file in the pointer's place")
      }
      return pointed.file
    }
    if let last = lastPart(pointed.file), isDirectory(output), pointed.record.kind != "directory" {
      return path(in: output, last)
    }
    return output
  }
}

/// What a restore has done, in JSON.
struct RestoreView: Encodable {
  var checkpoint: String
  var path: String
  var bytes: Int
  var sha256: String?
  var leftOut: [String]

  init(_ report: RestoreReport) {
    checkpoint = report.checkpoint
    path = report.path
    bytes = report.bytes
    sha256 = report.digest?.hex
    leftOut = report.leftOut
  }
}
