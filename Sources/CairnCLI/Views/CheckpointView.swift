import Cairn

/// A checkpoint in JSON.
struct CheckpointView: Encodable {
  var id: String
  var name: String
  var path: String
  var version: Int
  var kind: String
  var state: String
  var run: String?
  var parent: String?
  var step: Int?
  var epoch: Int?
  var metrics: [String: Double]
  var tags: [String]
  var metadata: [String: JSONValue]
  var extracted: [String: JSONValue]
  var created: String
  var host: String
  var user: String
  var size: Int
  var newBytes: Int
  /// What its parent has too; absent if that is not known.
  var sharedBytes: Int?
  var tensorCount: Int
  var pointer: Bool
  var manifest: String

  init(_ record: CheckpointRecord, shared: Int? = nil) {
    id = record.id
    name = record.name
    path = record.path
    version = record.version
    kind = record.kind
    state = record.state.rawValue
    run = record.run
    parent = record.parent
    step = record.step
    epoch = record.epoch
    metrics = record.metrics
    tags = record.tags
    metadata = record.metadata
    extracted = record.extracted
    created = record.created
    host = record.host
    user = record.user
    size = record.size
    newBytes = record.newBytes
    sharedBytes = shared
    tensorCount = record.tensorCount
    pointer = record.pointer
    manifest = record.manifest.hex
  }
}
