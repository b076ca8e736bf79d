import ArgumentParser
import Cairn

/// `cairn blame`
struct Blame: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blame",
    abstract: "List the versions of a path at which a tensor changed, newest first.",
    usage: "cairn blame [<options>] <path[@n] | pointer> <tensor>",
    discussion: """
        cairn blame last.ckpt state_dict.head.weight
        cairn blame last.ckpt@7 state_dict.head.weight   from version 7 back

      Each version that is still there is compared with the one before it. "versions" is for how many it then stayed as \
      it was; "digest" is that of its storage, if it is one blob.

      JSON: path, tensor and changes (a list): checkpoint (id, name, path, version, run, step, created), change \
      (added, changed, removed), other_bytes (false if only its type or shape changed), dtype, shape, previous_dtype, \
      previous_shape (if they were others), digest, versions.
      """)

  @Argument(
    help: ArgumentHelp("The path, or path@n, a tag or a pointer file.", valueName: "path[@n]"),
    completion: Completions.checkpoint)
  var name: String

  @Argument(help: ArgumentHelp("The tensor's whole name.", valueName: "tensor"), completion: Completions.tensor)
  var tensor: String

  @OptionGroup(title: "Repository") var repository: RepositoryOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let console = output.console
    let pointed = try repository.pointed(name, console)
    let repository = try pointed?.repository ?? repository.open(console)
    let path = try pointed.map { PathName(path: $0.record.path, version: $0.record.version) } ?? path(in: repository)
    let changes = try repository.changes(ofTensor: tensor, in: path)
    guard !changes.isEmpty else {
      throw CairnError(
        .notFound, "\(tensor): no version of \(path) has a tensor of this name",
        advice: "`cairn ls \(path)` lists what it has")
    }
    if console.json { return try console.result(json: View(path.path, tensor, changes)) }
    try console.result(table(changes))
  }

  private func path(in repository: Repository) throws -> PathName {
    if let name = try repository.resolvePath(name) { return name }
    let record = try repository.resolve(name)
    return PathName(path: record.path, version: record.version)
  }

  private func table(_ changes: [TensorChange]) -> Table {
    var table = Table([
      Table.Column(title: "version", minimum: 24, truncation: .head),
      Table.Column(title: "change", minimum: 8),
      Table.Column(title: "run", minimum: 8, dispensable: 1),
      Table.Column(title: "step", alignment: .right, dispensable: 3),
      Table.Column(title: "versions", alignment: .right, dispensable: 4),
      Table.Column(title: "digest", dispensable: 2),
      Table.Column(title: "created", dispensable: 5),
    ])
    for change in changes {
      table.add([
        Table.Cell(change.checkpoint.name, .name),
        Table.Cell(Self.text(change), change.kind == .removed ? .bad : .plain),
        Table.Cell(change.checkpoint.run ?? ""),
        Table.Cell(change.checkpoint.step.map(String.init) ?? ""),
        Table.Cell(change.versions.formatted()),
        Table.Cell(change.digest.map { String($0.hex.prefix(10)) } ?? "", .faint),
        Table.Cell(localTime(change.checkpoint.created), .faint),
      ])
    }
    return table
  }

  private static func text(_ change: TensorChange) -> String {
    guard change.kind == .changed else {
      return "\(change.kind.rawValue) \(change.dtype) \(shapeText(change.shape))"
    }
    var parts = change.hasOtherBytes ? ["bytes"] : []
    if let dtype = change.previousDType { parts.append("\(dtype) → \(change.dtype)") }
    if let shape = change.previousShape { parts.append("\(shapeText(shape)) → \(shapeText(change.shape))") }
    return parts.isEmpty ? "strides" : parts.joined(separator: ", ")
  }

  private struct View: Encodable {
    struct Change: Encodable {
      var checkpoint: CheckpointReferenceView
      var change: String
      var otherBytes: Bool
      var dtype: String
      var shape: [Int]
      var previousDtype: String?
      var previousShape: [Int]?
      var digest: String?
      var versions: Int
    }

    var path: String
    var tensor: String
    var changes: [Change]

    init(_ path: String, _ tensor: String, _ changes: [TensorChange]) {
      self.path = path
      self.tensor = tensor
      self.changes = changes.map {
        Change(
          checkpoint: CheckpointReferenceView($0.checkpoint), change: $0.kind.rawValue, otherBytes: $0.hasOtherBytes,
          dtype: $0.dtype, shape: $0.shape, previousDtype: $0.previousDType, previousShape: $0.previousShape,
          digest: $0.digest?.hex, versions: $0.versions)
      }
    }
  }
}
