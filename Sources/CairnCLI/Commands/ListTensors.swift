import ArgumentParser
import Cairn

/// `cairn ls`
struct ListTensors: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List the tensors of a checkpoint, and where else their bytes are.",
    usage: "cairn ls [<options>] <path[@n] | pointer> [<glob>]",
    discussion: """
        cairn ls last.ckpt
        cairn ls last.ckpt@2 '*.weight'

      "others" is in how many other checkpoints the same bytes are, under whatever name: the same range of a storage \
      with the same content. "first seen" is the oldest of all that have them. In a glob * is any characters, dots \
      too, ? is one, [ab] and [a-z] are one of several, [!a] is none of them, and \\ takes away what the next \
      character means.

      JSON: name, id (the checkpoint's) and tensors (a list): name, dtype, shape, strides, byte_offset, bytes, \
      other_checkpoints, first_seen (name, id, path, version, run, step, created).
      """)

  @Argument(
    help: ArgumentHelp("The checkpoint: a pointer file, or a path, path@n or a tag.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var name: String

  @Argument(help: ArgumentHelp("Only tensors with names like this.", valueName: "glob"))
  var glob: String?

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let pointed = try repository.pointed(name, console)
    let repository = try pointed?.repository ?? repository.open(console)
    let record = try pointed?.record ?? repository.resolve(name)
    if record.state == .unreadable {
      console.warn(["\(record.name): its manifest cannot be read; `cairn verify` says more"])
    }
    let (checkpoint, tensors) = try repository.tensors(
      of: PathName(path: record.path, version: record.version), matching: glob.map { Glob($0) })
    if console.json { return try console.result(json: View(checkpoint, tensors)) }
    if tensors.isEmpty { return }
    try console.result(Self.table(tensors, console.sizes))
  }

  private static func table(_ tensors: [ListedTensor], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "tensor", minimum: 16, truncation: .head),
      Table.Column(title: "dtype"),
      Table.Column(title: "shape", minimum: 8),
      Table.Column(title: "size", alignment: .right),
      Table.Column(title: "others", alignment: .right),
      Table.Column(title: "first seen", minimum: 12, truncation: .head),
    ])
    for tensor in tensors {
      table.add([
        Table.Cell(tensor.name, .name),
        Table.Cell(tensor.dtype),
        Table.Cell(shapeText(tensor.shape)),
        Table.Cell(tensor.byteCount.map(sizes.text) ?? "?"),
        Table.Cell(tensor.otherCheckpoints.formatted()),
        Table.Cell(tensor.firstSeen.name, .faint),
      ])
    }
    return table
  }

  private struct View: Encodable {
    struct Tensor: Encodable {
      var name: String
      var dtype: String
      var shape: [Int]
      var strides: [Int]
      var byteOffset: Int
      var bytes: Int?
      var otherCheckpoints: Int
      var firstSeen: CheckpointReferenceView
    }

    var id: String
    var name: String
    var tensors: [Tensor]

    init(_ checkpoint: CheckpointRecord, _ tensors: [ListedTensor]) {
      id = checkpoint.id
      name = checkpoint.name
      self.tensors = tensors.map {
        Tensor(
          name: $0.name, dtype: $0.dtype, shape: $0.shape, strides: $0.strides, byteOffset: $0.byteOffset,
          bytes: $0.byteCount, otherCheckpoints: $0.otherCheckpoints, firstSeen: CheckpointReferenceView($0.firstSeen))
      }
    }
  }
}

/// A shape as tables show it.
func shapeText(_ shape: [Int]) -> String {
  shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "×")
}
