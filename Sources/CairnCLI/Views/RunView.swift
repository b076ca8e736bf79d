import Cairn

/// A training run in JSON.
struct RunView: Encodable {
  var id: String
  var name: String
  var created: String
  var lastSaved: String?
  var checkpoints: Int
  var firstStep: Int?
  var lastStep: Int?
  var metrics: [String: MetricView]
  var size: Int
  var newBytes: Int
  var metadata: [String: JSONValue]

  /// The values of a metric.
  struct MetricView: Encodable {
    var last: Double
    var min: Double
    var max: Double
  }

  init(_ run: RunRecord) {
    id = run.id
    name = run.name
    created = run.created
    lastSaved = run.lastSaved
    checkpoints = run.checkpoints
    firstStep = run.firstStep
    lastStep = run.lastStep
    metrics = run.metrics.mapValues { MetricView(last: $0.last, min: $0.min, max: $0.max) }
    size = run.size
    newBytes = run.newBytes
    metadata = run.metadata
  }

  /// Runs as `cairn runs` lists them.
  static func table(_ runs: [RunRecord], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "run", minimum: 16),
      Table.Column(title: "created", dispensable: 4),
      Table.Column(title: "checkpoints", alignment: .right),
      Table.Column(title: "steps", alignment: .right, dispensable: 3),
      Table.Column(title: "metrics", minimum: 14, dispensable: 2),
      Table.Column(title: "size", alignment: .right),
      Table.Column(title: "new", alignment: .right, dispensable: 5),
    ])
    for run in runs {
      table.add([
        Table.Cell(run.name, .name),
        Table.Cell(localTime(run.created), .faint),
        Table.Cell(String(run.checkpoints)),
        Table.Cell(steps(run)),
        Table.Cell(metricsText(run.metrics.mapValues(\.last))),
        Table.Cell(sizes.text(run.size)),
        Table.Cell(sizes.text(run.newBytes)),
      ])
    }
    return table
  }

  private static func steps(_ run: RunRecord) -> String {
    guard let first = run.firstStep, let last = run.lastStep else { return "" }
    return first == last ? "\(first)" : "\(first)–\(last)"
  }
}
