import Cairn

/// Who holds how much, as `cairn du` and `cairn stats --by` list it.
struct HoldingsTable {
  private(set) var table: Table

  /// `title` heads the names, `unnamed` stands for checkpoints without one.
  init(_ holdings: Holdings, title: String, unnamed: String, _ sizes: Sizes, limit: Int?) {
    table = Table([
      Table.Column(title: "frees", alignment: .right),
      Table.Column(title: "in packs", alignment: .right, dispensable: 1),
      Table.Column(title: "shared", alignment: .right, dispensable: 3),
      Table.Column(title: "logical", alignment: .right, dispensable: 4),
      Table.Column(title: "checkpoints", alignment: .right, dispensable: 2),
      Table.Column(title: title, minimum: 16, truncation: .head),
    ])
    let hasPacked = holdings.groups.contains { $0.held.packed > 0 } || holdings.total.held.packed > 0
    func add(_ group: Holdings.Group, _ name: Table.Cell) {
      table.add([
        Table.Cell(sizes.text(group.held.freed)),
        Table.Cell(hasPacked ? sizes.text(group.held.packed) : ""),
        Table.Cell(sizes.text(group.held.shared)),
        Table.Cell(sizes.text(group.logicalBytes)),
        Table.Cell(group.checkpoints.formatted()),
        name,
      ])
    }
    for group in holdings.groups.prefix(limit ?? .max) {
      add(group, group.name.map { Table.Cell($0, .name) } ?? Table.Cell(unnamed, .faint))
    }
    add(holdings.total, Table.Cell("total", .faint))
  }
}

/// Who holds how much, in JSON.
struct HoldingView: Encodable {
  var name: String?
  var checkpoints: Int
  var logicalBytes: Int
  var neededBytes: Int
  var ownBytes: Int
  var sharedBytes: Int
  var freedBytes: Int
  var freedFiles: Int
  var packedBytes: Int

  init(_ group: Holdings.Group) {
    name = group.name
    checkpoints = group.checkpoints
    logicalBytes = group.logicalBytes
    neededBytes = group.held.needed
    ownBytes = group.held.own
    sharedBytes = group.held.shared
    freedBytes = group.held.freed
    freedFiles = group.held.freedFiles
    packedBytes = group.held.packed
  }

  /// What the fields are, for the help.
  static let fields = """
    name (absent for checkpoints of no run), checkpoints, logical_bytes (as if each were a file of its own), \
    needed_bytes (its blobs, each once), own_bytes (of those, the ones that nothing else needs), shared_bytes (the \
    others), freed_bytes and freed_files (what removing it frees), packed_bytes (what only it needs, but in packs that \
    something else needs as well)
    """
}

extension Console {
  /// Says so if nothing can be freed for now.
  func warn(ifBlocked holdings: Holdings) {
    guard holdings.isBlocked else { return }
    warn([
      "a checkpoint's manifest cannot be read: nothing is freed until it is removed, since nobody can say which blobs "
        + "it needs (`cairn verify` names it)"
    ])
  }
}
