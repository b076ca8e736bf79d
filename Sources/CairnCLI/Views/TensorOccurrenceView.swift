import Cairn

/// A tensor and the checkpoints that have it so, in JSON.
struct TensorOccurrenceView: Encodable {
  var name: String
  var dtype: String
  var shape: [Int]
  var bytes: Int?
  var digest: String?
  var checkpoints: Int
  var first: CheckpointReferenceView
  var last: CheckpointReferenceView

  init(_ tensor: TensorOccurrence) {
    name = tensor.name
    dtype = tensor.dtype
    shape = tensor.shape
    bytes = tensor.byteCount
    digest = tensor.digest?.hex
    checkpoints = tensor.checkpoints
    first = CheckpointReferenceView(tensor.first)
    last = CheckpointReferenceView(tensor.last)
  }

  static func table(_ tensors: [TensorOccurrence], _ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "tensor", minimum: 16, truncation: .head),
      Table.Column(title: "dtype", dispensable: 2),
      Table.Column(title: "shape", minimum: 8, dispensable: 3),
      Table.Column(title: "size", alignment: .right),
      Table.Column(title: "digest", dispensable: 1),
      Table.Column(title: "in", alignment: .right),
      Table.Column(title: "first", minimum: 12, truncation: .head),
      Table.Column(title: "last", minimum: 12, truncation: .head),
    ])
    for tensor in tensors {
      table.add([
        Table.Cell(tensor.name, .name),
        Table.Cell(tensor.dtype),
        Table.Cell(shapeText(tensor.shape)),
        Table.Cell(tensor.byteCount.map(sizes.text) ?? "?"),
        Table.Cell(tensor.digest.map { String($0.hex.prefix(10)) } ?? "", .faint),
        Table.Cell(tensor.checkpoints.formatted()),
        Table.Cell(tensor.first.name, .faint),
        Table.Cell(tensor.last.name, .faint),
      ])
    }
    return table
  }
}
