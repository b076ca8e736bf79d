import Cairn

/// A checkpoint with its files and tensors, in JSON.
struct CheckpointDetailView: Encodable {
  private let checkpoint: CheckpointView
  private let parentName: String?
  private let children: [String]
  private let files: [FileView]?
  private let tensors: [TensorView]?

  private enum Keys: String, CodingKey {
    case parentName, children, files, tensors
  }

  init(_ record: CheckpointRecord, _ manifest: Manifest?, _ descent: Descent) {
    checkpoint = CheckpointView(record, shared: descent.shared)
    parentName = descent.relatives.parent
    children = descent.relatives.children
    tensors = manifest?.tensors.map(TensorView.init)
    files = manifest?.files.map(FileView.init)
  }

  func encode(to encoder: any Encoder) throws {
    try checkpoint.encode(to: encoder)
    var container = encoder.container(keyedBy: Keys.self)
    try container.encodeIfPresent(parentName, forKey: .parentName)
    try container.encode(children, forKey: .children)
    try container.encodeIfPresent(files, forKey: .files)
    try container.encodeIfPresent(tensors, forKey: .tensors)
  }
}

extension Manifest {
  /// The files of a checkpoint that was saved from some; none for a state.
  var files: [File] {
    if case .files(let files) = content { return files }
    return []
  }
}

/// What a checkpoint comes from, what has come from it, and how many of its bytes its parent has too.
struct Descent {
  let relatives: CheckpointRelatives
  let shared: Int?

  init(_ record: CheckpointRecord, in repository: Repository) throws {
    relatives = try repository.relatives(of: record)
    shared = try repository.bytesSharedWithParent([record])[record.id]
  }
}

/// A checkpoint as `cairn show` shows it.
struct CheckpointDetails {
  private let record: CheckpointRecord
  private let manifest: Manifest?
  private let descent: Descent

  init(_ record: CheckpointRecord, _ manifest: Manifest?, _ descent: Descent) {
    self.record = record
    self.manifest = manifest
    self.descent = descent
  }

  func text(_ console: Console) throws -> String {
    let style = console.style
    let width = Terminal.output.width
    var text = style.bold(truncated(printable(record.name), to: width ?? .max, .head)) + "\n"
    for (label, value) in try fields(console.sizes) {
      let padding = String(repeating: " ", count: max(10 - label.count, 1))
      // Hyper-parameters, or how far a loop has come, may take pages: a terminal gets the beginning, a pipe all.
      let room = width.map { max($0 - 12, 8) } ?? .max
      text += "  \(style.dim(label))\(padding)\(truncated(printable(value), to: room))\n"
    }
    guard let manifest else { return text }
    if manifest.files.contains(where: { !$0.path.isEmpty }) {
      text += "\n" + filesTable(manifest.files, console.sizes).text(width: width, style: style)
    }
    if !manifest.tensors.isEmpty {
      text += "\n" + tensorsTable(manifest.tensors, console.sizes).text(width: width, style: style)
    }
    return text
  }

  private func fields(_ sizes: Sizes) throws -> [(String, String)] {
    var fields = [("id", record.id), ("kind", record.kind)]
    func add(_ label: String, _ value: String?) {
      if let value, !value.isEmpty { fields.append((label, value)) }
    }
    add("state", record.state == .whole ? nil : record.state.rawValue)
    add("created", "\(record.created) by \(record.user) on \(record.host)")
    add("run", record.run)
    add("parent", record.parent.map { "\(descent.relatives.parent ?? "not there any more"), \($0)" })
    add("children", descent.relatives.children.joined(separator: " "))
    add("step", record.step.map(String.init))
    add("epoch", record.epoch.map(String.init))
    add("metrics", metricsText(record.metrics))
    add("tags", record.tags.joined(separator: " "))
    if record.state != .unreadable {
      let shared = descent.shared.map { ", \(sizes.text($0)) shared with its parent" } ?? ""
      add("size", "\(sizes.text(record.size)), \(sizes.text(record.newBytes)) new when it was saved\(shared)")
      add("tensors", String(record.tensorCount))
    }
    add("manifest", record.manifest.hex)
    for (title, values) in [("metadata", record.metadata), ("extracted", record.extracted)] {
      for (key, value) in values.sorted(by: { $0.key < $1.key }) {
        add(title, "\(key) = \(String(decoding: try value.serialized(), as: UTF8.self))")
      }
    }
    return fields.filter { !$0.1.isEmpty }
  }

  private func filesTable(_ files: [Manifest.File], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "file", minimum: 12, truncation: .head),
      Table.Column(title: "size", alignment: .right),
      Table.Column(title: "format"),
    ])
    for file in files {
      table.add([Table.Cell(file.path), Table.Cell(sizes.text(file.size)), Table.Cell(file.format)])
    }
    return table
  }

  private func tensorsTable(_ tensors: [TensorEntry], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "tensor", minimum: 16, truncation: .head),
      Table.Column(title: "dtype"),
      Table.Column(title: "shape", minimum: 8),
      Table.Column(title: "size", alignment: .right),
      Table.Column(title: "shares"),
    ])
    var uses: [Int: Int] = [:]
    for tensor in tensors { uses[tensor.storage, default: 0] += 1 }
    for tensor in tensors {
      let shape = tensor.shape.isEmpty ? "scalar" : tensor.shape.map(String.init).joined(separator: "×")
      table.add([
        Table.Cell(tensor.name),
        Table.Cell(tensor.dtype),
        Table.Cell(shape),
        Table.Cell(TensorView(tensor).bytes.map(sizes.text) ?? "?"),
        Table.Cell(uses[tensor.storage] ?? 1 > 1 ? "storage \(tensor.storage)" : "", .faint),
      ])
    }
    return table
  }
}
