import ArgumentParser
import Cairn

/// `cairn save`
struct Save: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "save",
    abstract: "Save files or directories as new versions.",
    usage: "cairn save [<options>] <file> ...",
    discussion: """
      A PyTorch file (.ckpt, .pt, .pth) or safetensors file is taken apart into its tensors, so that a tensor that the \
      repository has is not stored again; any other file is cut in chunks. A directory becomes one checkpoint of many \
      files. Pointer files of the Python plugin are refused: `cairn cp` copies what they point to. Step, epoch and metrics are read from the file where no option gives them. No code in a file is run.

        cairn save last.ckpt
        cairn save runs/*.ckpt --run resnet-7 --meta commit=3fa9c01
        cairn save last.ckpt --as resnet/last --tag best --keep-versions 3
        cairn save last.ckpt --metric val_loss=0.31 --metric f1=0.9

      A value of --meta is kept as a number, true, false, null, array or object where it is JSON, else as text.

      JSON: saved (a list): file, id, name, path, version, manifest, size, new_bytes, warnings.
      """)

  @Argument(help: ArgumentHelp("The files or directories.", valueName: "file"), completion: .file())
  var files: [String]

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("The name in the repository, instead of the file's path.", valueName: "path"),
    completion: Completions.path)
  var name: String?

  @OptionGroup var description: DescriptionOptions

  @Option(
    name: .customLong("keep-versions"),
    help: ArgumentHelp("Remove all but this many newest versions of the path; tagged ones stay.", valueName: "n"))
  var keepVersions: Int?

  @Flag(help: "Take the bytes as they are, without looking into them.")
  var opaque = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws {
    if name != nil && files.count > 1 {
      throw ValidationError("--as names one checkpoint, and there are several files")
    }
    if let keepVersions, keepVersions < 1 { throw ValidationError("--keep-versions must be at least 1") }
  }

  func run() throws {
    let console = output.console
    let repository = try repository.open(console)
    let sources = try files.map { try Source($0, as: name, in: repository) }
    var saved: [SaveView] = []
    // What was saved before one failed is saved, and said.
    defer { if console.json { try? console.result(json: ["saved": saved]) } }
    for source in sources {
      let report = try save(source, repository, console)
      saved.append(SaveView(report, file: source.file))
      let new = report.newBytes == 0 ? "nothing new" : "\(console.sizes.text(report.newBytes)) new"
      try console.message(
        "saved \(printable("\(report.path)@\(report.version)")): \(console.sizes.text(report.size)), \(new)")
      console.warn(report.warnings)
    }
  }

  private func save(_ source: Source, _ repository: Repository, _ console: Console) throws -> SaveReport {
    var request = SaveRequest(path: source.name)
    description.apply(to: &request)
    request.keepVersions = keepVersions
    let progress = console.progress("saving \(source.file)")
    defer { progress.finish() }
    request.progress = { progress.update($0, $1) }
    return try repository.save(file: source.file, request, opaque: opaque)
  }
}
