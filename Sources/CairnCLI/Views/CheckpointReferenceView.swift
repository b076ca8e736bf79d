import Cairn

/// A checkpoint that another thing refers to, in JSON.
struct CheckpointReferenceView: Encodable {
  var id: String
  var name: String
  var path: String
  var version: Int
  var run: String?
  var step: Int?
  var created: String

  init(_ reference: CheckpointReference) {
    id = reference.id
    name = reference.name
    path = reference.path
    version = reference.version
    run = reference.run
    step = reference.step
    created = reference.created
  }
}
