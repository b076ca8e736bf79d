import Cairn

/// Checkpoints as `cairn log` lists them.
struct CheckpointTable {
  private(set) var table = Table([
    Table.Column(title: "", minimum: 8),
    Table.Column(title: "name", minimum: 24, truncation: .head),
    Table.Column(title: "run", minimum: 8, dispensable: 4),
    Table.Column(title: "step", alignment: .right, dispensable: 3),
    Table.Column(title: "epoch", alignment: .right, dispensable: 6),
    Table.Column(title: "metrics", minimum: 14, dispensable: 1),
    Table.Column(title: "size", alignment: .right),
    Table.Column(title: "new", alignment: .right, dispensable: 7),
    Table.Column(title: "shared", alignment: .right, dispensable: 8),
    Table.Column(title: "created", dispensable: 5),
    Table.Column(title: "tags", minimum: 8, dispensable: 2),
    Table.Column(title: "state"),
  ])

  /// `shared` gives the bytes that a checkpoint's parent has too, by id; `graph` the lines to draw, and the order.
  init(
    _ records: [CheckpointRecord], shared: [String: Int] = [:], graph: [HistoryGraph.Line]? = nil, _ sizes: Sizes
  ) {
    let lines = graph ?? records.indices.map { HistoryGraph.Line(lanes: "", position: $0) }
    for line in lines {
      let cells = line.position.map { Self.cells(records[$0], shared: shared[records[$0].id], sizes) }
      table.add([Table.Cell(line.lanes)] + (cells ?? Array(repeating: Table.Cell(""), count: table.columns.count - 1)))
    }
  }

  private static func cells(_ record: CheckpointRecord, shared: Int?, _ sizes: Sizes) -> [Table.Cell] {
    let isWhole = record.state == .whole
    return [
      Table.Cell(record.name, isWhole ? .name : .bad),
      Table.Cell(record.run ?? ""),
      Table.Cell(record.step.map(String.init) ?? ""),
      Table.Cell(record.epoch.map(String.init) ?? ""),
      Table.Cell(metricsText(record.metrics)),
      Table.Cell(record.state == .unreadable ? "?" : sizes.text(record.size)),
      Table.Cell(sizes.text(record.newBytes)),
      Table.Cell(shared.map(sizes.text) ?? ""),
      Table.Cell(localTime(record.created), .faint),
      Table.Cell(record.tags.joined(separator: " "), .tag),
      Table.Cell(isWhole ? "" : record.state.rawValue, .bad),
    ]
  }
}

/// Metrics by name.
func metricsText(_ metrics: [String: Double]) -> String {
  metrics.sorted { $0.key < $1.key }.map { "\($0.key)=\(short($0.value))" }.joined(separator: " ")
}

/// A checkpoint as `cairn log --oneline` lists it.
struct CheckpointLine {
  private let record: CheckpointRecord

  init(_ record: CheckpointRecord) { self.record = record }

  /// At most as wide as the terminal: what is last goes first.
  func text(_ console: Console, width: Int? = Terminal.output.width) -> String {
    var parts = [Table.Cell(record.name, .name)]
    if record.state != .whole { parts.append(Table.Cell(record.state.rawValue, .bad)) }
    if !record.tags.isEmpty { parts.append(Table.Cell("[" + record.tags.joined(separator: " ") + "]", .tag)) }
    if let run = record.run { parts.append(Table.Cell("run=" + run)) }
    if let step = record.step { parts.append(Table.Cell("step=\(step)")) }
    if let epoch = record.epoch { parts.append(Table.Cell("epoch=\(epoch)")) }
    if !record.metrics.isEmpty { parts.append(Table.Cell(metricsText(record.metrics))) }
    parts.append(Table.Cell(console.sizes.text(record.size)))
    var room = width ?? .max
    var shown: [String] = []
    for part in parts where room > 0 {
      let text = truncated(printable(part.text), to: room, shown.isEmpty ? .head : .tail)
      shown.append(console.style.paint(text, part.paint))
      room -= columns(of: text) + 1
    }
    return shown.joined(separator: " ")
  }
}
