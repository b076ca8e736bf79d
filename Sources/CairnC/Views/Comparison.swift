import Cairn

extension JSONValue {
  init(_ number: Double?) { self = number.map { JSONValue($0) } ?? .null }
  init(_ numbers: [Int]) { self = .array(numbers.map { .int(Int64($0)) }) }

  /// In what two checkpoints differ; the members are those of `cairn diff --json`.
  init(_ diff: CheckpointDiff) {
    let metadata = diff.metadata.map { change -> JSONValue in
      ["name": .string(change.name), "a": change.old ?? .null, "b": change.new ?? .null]
    }
    self = [
      "a": .string(diff.old), "b": .string(diff.new), "different": .bool(diff.isDifferent),
      "unchanged": JSONValue(diff.unchangedCount), "relaid": JSONValue(diff.relaidCount),
      "metadata": .array(metadata), "tensors": .array(diff.tensors.map { JSONValue($0) }),
    ]
  }

  private init(_ change: TensorDifference) {
    self = [
      "change": .string(change.kind.rawValue), "certain": .bool(change.isCertain), "name": .string(change.name),
      "a": change.old.map { JSONValue($0) } ?? .null, "b": change.new.map { JSONValue($0) } ?? .null,
      "values": change.values.map { JSONValue($0) } ?? .null,
    ]
  }

  private init(_ side: TensorDifference.Side) {
    self = [
      "name": .string(side.name), "dtype": .string(side.dtype), "shape": JSONValue(side.shape),
      "bytes": JSONValue(side.bytes),
    ]
  }

  private init(_ change: ValueChange) {
    self = [
      "count": JSONValue(change.count), "changed": JSONValue(change.changedCount),
      "counts_bytes": .bool(change.countsBytes), "share": JSONValue(change.changedShare),
      "max_abs": JSONValue(change.maximumDifference), "rel_l2": JSONValue(change.relativeDifference),
      "new_nan": JSONValue(change.newNaNCount), "new_inf": JSONValue(change.newInfinityCount),
    ]
  }

  /// What a tensor's values are like; the members are those of `cairn cat --json`.
  init(_ summary: TensorSummary) {
    let isKnown = summary.count != nil
    func known(_ value: JSONValue) -> JSONValue { isKnown ? value : .null }
    let bins = summary.histogram.map { bin -> JSONValue in
      ["from": JSONValue(bin.from), "to": JSONValue(bin.to), "count": JSONValue(bin.count)]
    }
    self = [
      "name": .string(summary.name), "dtype": .string(summary.dtype), "shape": JSONValue(summary.shape),
      "bytes": JSONValue(summary.bytes), "count": JSONValue(summary.count), "nan": known(JSONValue(summary.nanCount)),
      "inf": known(JSONValue(summary.infinityCount)), "zeros": known(JSONValue(summary.zeroCount)),
      "min": known(JSONValue(summary.minimum)), "max": known(JSONValue(summary.maximum)),
      "mean": known(JSONValue(summary.mean)), "std": known(JSONValue(summary.standardDeviation)),
      "histogram": known(.array(bins)),
    ]
  }
}
