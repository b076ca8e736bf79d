import Cairn

/// A comparison in JSON.
struct DiffView: Encodable {
  var a: String
  var b: String
  var different: Bool
  var unchanged: Int
  var relaid: Int
  var metadata: [Metadata]
  var tensors: [Tensor]

  struct Metadata: Encodable {
    var name: String
    var a: JSONValue?
    var b: JSONValue?
  }

  struct Side: Encodable {
    var name: String
    var dtype: String
    var shape: [Int]
    var bytes: Int?

    init(_ side: TensorDifference.Side) {
      name = side.name
      dtype = side.dtype
      shape = side.shape
      bytes = side.bytes
    }
  }

  struct Values: Encodable {
    var count: Int
    var changed: Int
    var countsBytes: Bool
    var share: Double
    var maxAbs: Double?
    var relL2: Double?
    var newNaN: Int
    var newInf: Int

    private enum CodingKeys: String, CodingKey {
      case count, changed, countsBytes, share, maxAbs
      // As they are: the conversion to snake case makes other names of these.
      case relL2 = "rel_l2"
      case newNaN = "new_nan"
      case newInf
    }

    init(_ change: ValueChange) {
      count = change.count
      changed = change.changedCount
      countsBytes = change.countsBytes
      share = change.changedShare
      maxAbs = change.maximumDifference
      relL2 = change.relativeDifference
      newNaN = change.newNaNCount
      newInf = change.newInfinityCount
    }
  }

  struct Tensor: Encodable {
    var change: String
    var certain: Bool
    var name: String
    var a: Side?
    var b: Side?
    var values: Values?
  }

  init(_ diff: CheckpointDiff) {
    a = diff.old
    b = diff.new
    different = diff.isDifferent
    unchanged = diff.unchangedCount
    relaid = diff.relaidCount
    metadata = diff.metadata.map { Metadata(name: $0.name, a: $0.old, b: $0.new) }
    tensors = diff.tensors.map { change in
      Tensor(
        change: change.kind.rawValue, certain: change.isCertain, name: change.name, a: change.old.map(Side.init),
        b: change.new.map(Side.init), values: change.values.map(Values.init))
    }
  }
}
