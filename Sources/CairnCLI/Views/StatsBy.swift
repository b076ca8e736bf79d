import ArgumentParser
import Cairn

/// What `cairn stats --by` puts together.
enum StatsKey: String, ExpressibleByArgument, CaseIterable {
  case run, path
  case tensorPrefix = "tensor-prefix"
}

extension TensorPrefixHolding {
  /// What tensors take by the beginning of their names, as `cairn stats --by tensor-prefix` lists it.
  static func table(_ holdings: [TensorPrefixHolding], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "stored", alignment: .right),
      Table.Column(title: "own", alignment: .right, dispensable: 2),
      Table.Column(title: "logical", alignment: .right),
      Table.Column(title: "names", alignment: .right, dispensable: 1),
      Table.Column(title: "tensors", minimum: 16),
    ])
    for holding in holdings {
      table.add([
        Table.Cell(sizes.text(holding.storedBytes)), Table.Cell(sizes.text(holding.ownBytes)),
        Table.Cell(sizes.text(holding.logicalBytes)), Table.Cell(holding.names.formatted()),
        holding.prefix.map { Table.Cell($0, .name) } ?? Table.Cell("(no tensors)", .faint),
      ])
    }
    return table
  }
}

/// What tensors take, in JSON.
struct TensorPrefixView: Encodable {
  var prefix: String?
  var names: Int
  var logicalBytes: Int
  var storedBytes: Int
  var ownBytes: Int

  init(_ holding: TensorPrefixHolding) {
    prefix = holding.prefix
    names = holding.names
    logicalBytes = holding.logicalBytes
    storedBytes = holding.storedBytes
    ownBytes = holding.ownBytes
  }
}

/// The growth of a repository, in JSON.
struct GrowthView: Encodable {
  struct Point: Encodable {
    var time: String
    var checkpoints: Int
    var logicalBytes: Int
    var storedBytes: Int
  }

  var seconds: Int
  var points: [Point]

  init(_ growth: Growth) {
    seconds = growth.seconds
    points = growth.points.map {
      Point(
        time: $0.time, checkpoints: $0.checkpoints, logicalBytes: $0.logicalBytes, storedBytes: $0.storedBytes)
    }
  }
}
