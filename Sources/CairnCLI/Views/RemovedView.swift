import Cairn

/// A removed checkpoint, in JSON.
struct RemovedView: Encodable {
  var id: String
  var name: String
  var time: String
  var user: String
  var host: String

  init(_ removal: CheckpointRemoval) {
    id = removal.id
    name = removal.name
    time = removal.time
    user = removal.user
    host = removal.host
  }

  /// Removed checkpoints as `cairn log --removed` lists them.
  static func table(_ removals: [CheckpointRemoval]) -> Table {
    var table = Table([
      Table.Column(title: "name", minimum: 24, truncation: .head),
      Table.Column(title: "removed"),
      Table.Column(title: "by", minimum: 8),
      Table.Column(title: "on", minimum: 8, dispensable: 1),
    ])
    for removal in removals {
      table.add([
        Table.Cell(removal.name, .name), Table.Cell(localTime(removal.time)), Table.Cell(removal.user),
        Table.Cell(removal.host, .faint),
      ])
    }
    return table
  }
}
