/// One thing that happened in a repository: what a line of `log.jsonl` says.
///
/// One flat shape for all kinds, with the members that a kind does not have left out: easy to read with `tail` and `jq`.
struct LogEntry: Codable, Sendable, Hashable {
  enum Operation: String, Codable {
    /// The first line: which repository this is.
    case initialized
    /// A run began.
    case run
    /// A checkpoint was saved, and perhaps others were replaced by it.
    case saved
    /// Checkpoints were removed.
    case removed
    /// `gc` or a repair copied a pack's blobs into another.
    case repacked
    /// A rebuilt log says up to which number versions of a path were given.
    case versions
    /// A path with all its versions, or one version, got another name.
    case moved
    /// Tags point to a checkpoint from now on, wherever they pointed before.
    case tagged
    /// Tags are gone.
    case untagged
    /// Metrics and metadata of a checkpoint were set, and others taken away.
    case annotated
  }

  var op: Operation
  /// When, in UTC, as ISO 8601 with milliseconds.
  var time: String
  /// On which host.
  var host: String
  /// By which user.
  var user: String

  /// The repository's id, a run's or a checkpoint's.
  var id: String
  /// A run's name.
  var name: String?
  /// A checkpoint's path.
  var path: String?
  var version: Int?
  var manifest: Digest?
  /// The id of the run that a checkpoint belongs to.
  var run: String?
  /// The id of the checkpoint that this one follows.
  var parent: String?
  var step: Int?
  var epoch: Int?
  var metrics: [String: Double]?
  var tags: [String]?
  var metadata: [String: JSONValue]?
  /// Bytes that were new to the repository.
  var newBytes: Int?
  /// True if a pointer file was to hold the checkpoint; absent otherwise.
  var pointer: Bool?
  /// The path that the pointer was written for, in a log that was made anew, if that is no longer ``path``.
  var pointerPath: String?
  /// The ids of checkpoints that a save replaced, or that a removal removed.
  var removes: [String]?
  /// The pack that was copied.
  var from: Digest?
  /// The pack that its blobs lie in now; nil if none was good.
  var to: Digest?
  /// What a path, or the version of it that ``version`` says, is called from now on.
  var newPath: String?
  /// The version of ``newPath`` that one version became.
  var newVersion: Int?
  /// What was added to the numbers of all versions of a path; nil: nothing.
  var shift: Int?
  /// Names of metrics that were taken away.
  var unsetMetrics: [String]?
  /// Keys of metadata that were taken away.
  var unsetMetadata: [String]?

  init(_ op: Operation, id: String, by origin: Origin) {
    self.op = op
    self.id = id
    time = origin.time
    host = origin.host
    user = origin.user
  }
}

/// Who does something, where and when.
struct Origin: Sendable {
  var time: String
  var host: String
  var user: String
}
