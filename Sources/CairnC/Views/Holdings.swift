import Cairn

// The members are those that the commands print with --json.

extension JSONValue {
  init(_ run: RunRecord) {
    let metrics = run.metrics.mapValues { metric -> JSONValue in
      ["last": JSONValue(metric.last), "min": JSONValue(metric.min), "max": JSONValue(metric.max)]
    }
    self = [
      "id": .string(run.id), "name": .string(run.name), "created": .string(run.created),
      "last_saved": JSONValue(run.lastSaved), "checkpoints": JSONValue(run.checkpoints),
      "first_step": JSONValue(run.firstStep), "last_step": JSONValue(run.lastStep), "metrics": .object(metrics),
      "size": JSONValue(run.size), "new_bytes": JSONValue(run.newBytes), "metadata": .object(run.metadata),
    ]
  }

  /// Who holds how much, under the plural of what was asked by.
  init(_ holdings: Holdings, by key: HoldingKey) {
    self = [
      "\(key.rawValue)s": .array(holdings.groups.map { JSONValue($0) }), "total": JSONValue(holdings.total),
      "blocked": .bool(holdings.isBlocked),
    ]
  }

  private init(_ group: Holdings.Group) {
    self = [
      "name": JSONValue(group.name), "checkpoints": JSONValue(group.checkpoints),
      "logical_bytes": JSONValue(group.logicalBytes), "needed_bytes": JSONValue(group.held.needed),
      "own_bytes": JSONValue(group.held.own), "shared_bytes": JSONValue(group.held.shared),
      "freed_bytes": JSONValue(group.held.freed), "freed_files": JSONValue(group.held.freedFiles),
      "packed_bytes": JSONValue(group.held.packed),
    ]
  }

  init(_ holding: TensorPrefixHolding) {
    self = [
      "prefix": JSONValue(holding.prefix), "names": JSONValue(holding.names),
      "logical_bytes": JSONValue(holding.logicalBytes), "stored_bytes": JSONValue(holding.storedBytes),
      "own_bytes": JSONValue(holding.ownBytes),
    ]
  }

  init(_ growth: Growth) {
    let points = growth.points.map { point -> JSONValue in
      [
        "time": .string(point.time), "checkpoints": JSONValue(point.checkpoints),
        "logical_bytes": JSONValue(point.logicalBytes), "stored_bytes": JSONValue(point.storedBytes),
      ]
    }
    self = ["seconds": JSONValue(growth.seconds), "points": .array(points)]
  }
}
