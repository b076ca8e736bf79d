import ArgumentParser
import Cairn

/// `cairn cat`
struct Cat: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Show what a tensor's values are like, or write it to a file.",
    usage: "cairn cat [<options>] <path[@n] | pointer | file> <tensor>",
    discussion: """
      tensor is a name, or a pattern that matches exactly one.

        cairn cat last.ckpt state_dict.head.weight
        cairn cat last.ckpt@2 '*head.weight' -o head.npy
        cairn cat ./model.safetensors '*embed*' --json

      Without -o: minimum, maximum, mean, standard deviation (of the population) and a histogram, of the elements that \
      are finite; of complex ones, of their moduli.

      -o writes NumPy's .npy or .safetensors, as the name ends; row-major, whatever the strides. All that is read of a \
      repository for it is checked against its digests, and the file appears once it is whole. NumPy has no bfloat16 \
      and no 8-bit floats; safetensors has these.

      JSON: name, dtype, shape, bytes, count, nan, inf, zeros, min, max, mean, std, histogram (a list: from, to, \
      count); with -o: tensor, path, bytes.
      """)

  @Argument(
    help: ArgumentHelp(
      "The checkpoint: a path, path@n, a tag, a pointer file, or a file that is not saved.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var checkpoint: String

  @Argument(help: ArgumentHelp("The tensor's name, or a pattern.", valueName: "tensor"), completion: Completions.tensor)
  var tensor: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Write it to this file.", valueName: "x.npy | x.safetensors"),
    completion: .file())
  var output: String?

  @Flag(help: "Replace what is there.")
  var force = false

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var printing: OutputOptions

  func validate() throws {
    if let output, TensorFileFormat(path: output) == nil {
      throw ValidationError("-o takes a name that ends in .npy or .safetensors")
    }
  }

  func run() throws {
    let console = printing.console
    let places = try TensorsArguments([checkpoint], repository, console)
    try places.withTensors { catalogs in
      guard let catalog = catalogs.first else { return }
      let entry = try catalog.tensor(tensor)
      if let output, let format = TensorFileFormat(path: output) {
        try write(entry, of: catalog, to: output, format, console)
      } else {
        try show(entry, of: catalog, console)
      }
    }
  }

  private func show(_ entry: TensorEntry, of catalog: TensorCatalog, _ console: Console) throws {
    let progress = console.progress("reading \(entry.name)", of: .things)
    defer { progress.finish() }
    let summary = try catalog.summary(of: entry) { progress.update($0, $1) }
    progress.finish()
    if console.json { return try console.result(json: SummaryView(summary)) }
    try console.result(SummaryText(summary).text(console))
  }

  private func write(
    _ entry: TensorEntry, of catalog: TensorCatalog, to path: String, _ format: TensorFileFormat, _ console: Console
  ) throws {
    let progress = console.progress("writing \(entry.name)")
    defer { progress.finish() }
    let bytes = try catalog.write(entry, to: path, as: format, overwrite: force) { progress.update($0, $1) }
    progress.finish()
    if console.json { return try console.result(json: WrittenView(tensor: entry.name, path: path, bytes: bytes)) }
    let checked = catalog.record == nil ? "" : ", checked"
    try console.message("wrote \(printable(entry.name)) to \(printable(path)): \(console.sizes.text(bytes))\(checked)")
  }

  private struct WrittenView: Encodable {
    var tensor: String
    var path: String
    var bytes: Int
  }
}
