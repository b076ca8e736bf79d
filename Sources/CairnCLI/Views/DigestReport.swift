import Cairn

/// What has a digest and who needs it, as `cairn find` shows it.
struct DigestReport {
  private let found: DigestOccurrence

  init(_ found: DigestOccurrence) { self.found = found }

  func print(_ console: Console) throws {
    if console.json { return try console.result(json: ["digest": View(found)]) }
    let style = console.style
    var text = style.bold(found.digest.hex) + "\n"
    func add(_ label: String, _ value: String?) {
      guard let value else { return }
      text += "  \(style.dim(label))\(String(repeating: " ", count: max(13 - label.count, 1)))\(printable(value))\n"
    }
    add("kind", found.kind.rawValue)
    add("size", found.size.map(console.sizes.text))
    add("pack", found.pack?.hex)
    add("checkpoints", found.checkpointCount.formatted())
    let width = Terminal.output.width
    if !found.tensors.tensors.isEmpty {
      text += "\n" + TensorOccurrenceView.table(found.tensors.tensors, console.sizes).text(width: width, style: style)
    }
    if !found.checkpoints.isEmpty {
      text += "\n" + Self.table(found.checkpoints).text(width: width, style: style)
    }
    try console.result(text)
    if found.tensors.isCutShort || found.checkpoints.count < found.checkpointCount {
      console.warn(["there are more: --limit"])
    }
  }

  static func table(_ checkpoints: [CheckpointReference]) -> Table {
    var table = Table([
      Table.Column(title: "checkpoint", minimum: 24, truncation: .head),
      Table.Column(title: "run", minimum: 8, dispensable: 1),
      Table.Column(title: "step", alignment: .right, dispensable: 2),
      Table.Column(title: "created", dispensable: 3),
    ])
    for checkpoint in checkpoints {
      table.add([
        Table.Cell(checkpoint.name, .name),
        Table.Cell(checkpoint.run ?? ""),
        Table.Cell(checkpoint.step.map(String.init) ?? ""),
        Table.Cell(localTime(checkpoint.created), .faint),
      ])
    }
    return table
  }

  private struct View: Encodable {
    var digest: String
    var kind: String
    var size: Int?
    var pack: String?
    var checkpointCount: Int
    var checkpoints: [CheckpointReferenceView]
    var tensors: [TensorOccurrenceView]
    var cutShort: Bool

    init(_ found: DigestOccurrence) {
      digest = found.digest.hex
      kind = found.kind.rawValue
      size = found.size
      pack = found.pack?.hex
      checkpointCount = found.checkpointCount
      checkpoints = found.checkpoints.map(CheckpointReferenceView.init)
      tensors = found.tensors.tensors.map(TensorOccurrenceView.init)
      cutShort = found.tensors.isCutShort || found.checkpoints.count < found.checkpointCount
    }
  }
}
