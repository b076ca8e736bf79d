import Cairn

/// What pruning has done or would do, in JSON and as a table.
struct PruneView: Encodable {
  struct Item: Encodable {
    var id: String
    var name: String
    var path: String
    var version: Int
    var run: String?
    var step: Int?
    var created: String
    var size: Int
    var tags: [String]
    /// `run R`, `path P` or `all`.
    var group: String
    /// Absent of those that go.
    var rules: [String]?
  }

  var dryRun: Bool
  var kept: [Item]
  var removed: [Item]
  var freedFiles: Int
  var freedBytes: Int
  var unlinked: [String]
  var warnings: [String]

  private enum CodingKeys: String, CodingKey {
    case dryRun, kept, removed, freedFiles, freedBytes, unlinked, warnings
  }

  /// All of them, by groups and newest first.
  private let all: [Item]

  init(dryRun: Bool, groups: [PruneGroup], freed: Freed, unlinked: [String], warnings: [String]) {
    self.dryRun = dryRun
    all = groups.flatMap { group in group.decisions.map { Item($0, in: group) } }
    kept = all.filter { $0.rules != nil }
    removed = all.filter { $0.rules == nil }
    freedFiles = freed.files
    freedBytes = freed.bytes
    self.unlinked = unlinked
    self.warnings = warnings
  }

  var isEmpty: Bool { all.isEmpty }

  func table(_ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "what"),
      Table.Column(title: "name", minimum: 24, truncation: .head),
      Table.Column(title: "run", minimum: 8, dispensable: 2),
      Table.Column(title: "step", alignment: .right, dispensable: 1),
      Table.Column(title: "size", alignment: .right, dispensable: 3),
      Table.Column(title: "created", dispensable: 4),
      Table.Column(title: "kept by", minimum: 16),
    ])
    for item in all {
      let isKept = item.rules != nil
      table.add([
        Table.Cell(isKept ? "keep" : "remove", isKept ? .plain : .bad), Table.Cell(item.name, .name),
        Table.Cell(item.run ?? ""), Table.Cell(item.step.map(String.init) ?? ""),
        Table.Cell(sizes.text(item.size)), Table.Cell(localTime(item.created), .faint),
        Table.Cell(item.rules?.joined(separator: ", ") ?? ""),
      ])
    }
    return table
  }

  func summary(_ sizes: Sizes) -> String {
    let what = "\(removed.count) of \(counted(all.count, "checkpoint"))"
    let freed = "\(sizes.text(freedBytes)) in \(counted(freedFiles, "file"))"
    return dryRun ? "would remove \(what) and free \(freed)" : "removed \(what) and freed \(freed)"
  }
}

extension PruneView.Item {
  fileprivate init(_ decision: PruneGroup.Decision, in group: PruneGroup) {
    let checkpoint = decision.checkpoint
    id = checkpoint.id
    name = checkpoint.name
    path = checkpoint.path
    version = checkpoint.version
    run = checkpoint.run
    step = checkpoint.step
    created = checkpoint.created
    size = checkpoint.size
    tags = checkpoint.tags
    self.group = group.title
    rules = decision.isKept ? decision.rules.map(\.description) : nil
  }
}
