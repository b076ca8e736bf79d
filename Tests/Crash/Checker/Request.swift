import Cairn

/// Which repository is to be looked at, and how.
struct Request: Decodable {
  /// What is looked at.
  enum Kind: String, Decodable {
    /// What is in it, and whether it is all there; nothing is changed but what settling changes.
    case contents
    /// That, and whether `gc`, `verify`, `reindex`, a save and a removal leave it sound. It is no good afterwards.
    case everything
    /// What the index says, and whether its counts are right: for a repository that has no blobs.
    case index
  }

  var repository: String
  var kind: Kind
}

/// What was found.
struct Answer: Encodable {
  /// The checkpoints, sorted by their names; nil if there is no repository.
  var checkpoints: [Found]?
  /// What is not as it has to be.
  var problems: [String] = []
  /// What the repository warned of.
  var warnings: [String] = []
}

/// A checkpoint as it was found.
struct Found: Encodable, Equatable {
  var name: String
  var id: String
  var run: String?
  var step: Int?
  var metrics: [String: Double]
  var tags: [String]
  var metadata: [String: JSONValue]
  var manifest: String
  /// The SHA-256 of the file that was saved; empty if it was not read.
  var content: String
}
