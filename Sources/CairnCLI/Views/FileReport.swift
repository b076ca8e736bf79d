import Cairn

/// Where a file's content occurs, as `cairn find` shows it.
struct FileReport {
  private let path: String
  private let found: ContentOccurrences

  init(_ path: String, _ found: ContentOccurrences) {
    self.path = path
    self.found = found
  }

  /// A pointer file has no content but what it points to.
  init(_ path: String, pointed checkpoint: CheckpointReference) {
    self.path = path
    found = ContentOccurrences(exact: [checkpoint])
  }

  func print(_ console: Console) throws {
    if console.json { return try console.result(json: ["file": View(path, found)]) }
    var text = ""
    let (style, width) = (console.style, Terminal.output.width)
    let name = truncated(printable(path), to: width ?? .max, .head)
    for checkpoint in found.exact {
      text += sentence("is", printable(checkpoint.name), style, width) + "\n"
    }
    let shares = found.shares.filter { !found.exact.contains($0.checkpoint) }
    if !shares.isEmpty {
      if text.isEmpty {
        text =
          wrapped("\(name) is no checkpoint in this repository; these have some of its bytes:", to: width) + "\n"
      }
      text += "\n" + table(shares, console.sizes).text(width: width, style: style)
    }
    if text.isEmpty { text = wrapped("\(name): none of its bytes are in this repository", to: width) + "\n" }
    try console.result(text)
    if found.shares.count < found.checkpointCount, !found.shares.isEmpty { console.warn(["there are more: --limit"]) }
  }

  /// On two lines if it is too long for one.
  private func sentence(_ verb: String, _ checkpoint: String, _ style: Style, _ width: Int?) -> String {
    let path = printable(path)
    guard let width, columns(of: path) + columns(of: checkpoint) + verb.count + 2 > width else {
      return "\(path) \(verb) \(style.yellow(checkpoint))"
    }
    let name = truncated(checkpoint, to: max(width - verb.count - 3, 1), .head)
    return "\(truncated(path, to: width, .head))\n  \(verb) \(style.yellow(name))"
  }

  private func table(_ shares: [ContentOccurrences.Share], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "checkpoint", minimum: 24, truncation: .head),
      Table.Column(title: "run", minimum: 8, dispensable: 1),
      Table.Column(title: "step", alignment: .right, dispensable: 2),
      Table.Column(title: "tensors", alignment: .right),
      Table.Column(title: "bytes", alignment: .right),
      Table.Column(title: "share", alignment: .right),
    ])
    for share in shares {
      table.add([
        Table.Cell(share.checkpoint.name, .name),
        Table.Cell(share.checkpoint.run ?? ""),
        Table.Cell(share.checkpoint.step.map(String.init) ?? ""),
        Table.Cell("\(share.tensors.formatted()) of \(found.tensors.count.formatted())"),
        Table.Cell(sizes.text(share.bytes)),
        Table.Cell(percentage(share.bytes)),
      ])
    }
    return table
  }

  /// Rounded down: what is not all of it is never 100 %.
  private func percentage(_ bytes: Int) -> String {
    guard found.storageBytes > 0 else { return "" }
    return "\(Int(100 * Double(bytes) / Double(found.storageBytes)))%"
  }

  private struct View: Encodable {
    struct Share: Encodable {
      var checkpoint: CheckpointReferenceView
      var storages: Int
      var tensors: Int
      var bytes: Int
    }

    struct Tensor: Encodable {
      var name: String
      var checkpoints: Int
    }

    var path: String
    var storageCount: Int
    var storageBytes: Int
    var exact: [CheckpointReferenceView]
    var checkpointCount: Int
    var shares: [Share]
    var tensors: [Tensor]

    init(_ path: String, _ found: ContentOccurrences) {
      self.path = path
      storageCount = found.storageCount
      storageBytes = found.storageBytes
      exact = found.exact.map(CheckpointReferenceView.init)
      checkpointCount = found.checkpointCount
      shares = found.shares.map {
        Share(
          checkpoint: CheckpointReferenceView($0.checkpoint), storages: $0.storages, tensors: $0.tensors,
          bytes: $0.bytes)
      }
      tensors = found.tensors.map { Tensor(name: $0.name, checkpoints: $0.checkpoints) }
    }
  }
}
