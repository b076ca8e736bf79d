/// Under which name a checkpoint is saved, and what is said of it beside its content.
public struct SaveRequest: Sendable {
  /// The path: a name in the repository.
  public var path: String
  /// The name of the run it belongs to, which begins with its first checkpoint.
  public var run: String?
  /// What is said of the run, if it begins with this.
  public var runMetadata: [String: JSONValue] = [:]
  /// The training step.
  public var step: Int?
  /// The epoch.
  public var epoch: Int?
  /// Numbers that say how good it is. NaN and infinities are left out, with a warning.
  public var metrics: [String: Double] = [:]
  /// Names that point to this checkpoint from now on.
  public var tags: [String] = []
  /// Whatever else is to be known of it.
  public var metadata: [String: JSONValue] = [:]
  /// How many versions of the path stay, this one included; nil: all. Tagged ones stay anyway, and do not count.
  public var keepVersions: Int?
  /// Ids of checkpoints, of whatever path, that go with the commit of this one: one line of the log says both. Those that
  /// are not there are ignored; those that keep a tag after this save stay.
  public var replaces: [String] = []
  /// The id of the checkpoint it follows; nil: the newest version of the path, else the newest checkpoint of the run.
  public var parent: String?
  /// Whether a pointer file is written for it next, and holds it. It is marked so: where that pointer is gone,
  /// ``/Cairn/Repository/unheldVersions(below:)`` lists the version as one that nothing needs any more.
  public var pointer = false
  /// Whether the save leaves it to whoever comes next to have the index follow, and to free what it replaces: with many
  /// tensors, or much to free, it returns in half the time. The checkpoint is as durable. Whatever reads the index or
  /// writes next catches up first; ``Repository/remove(ids:keepingTagged:)`` of no ids does that, and frees, and nothing
  /// else. Copies within the repository, which have little to write, do not look at it.
  public var indexLater = false
  /// Told how many bytes of how many have been read, from any thread.
  public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
  /// Asked often, from any thread, until the commit begins: `true` ends the save with ``CairnError/Kind/cancelled``, and
  /// the repository is as before.
  public var isCancelled: (@Sendable () -> Bool)?

  /// Makes a request with nothing but a path.
  public init(path: String) { self.path = path }

  /// Throws if a name or a number in it cannot be used.
  func validate() throws {
    try PathName.validate(path)
    for tag in tags { try PathName.validate(tag) }
    if let run { try PathName.validate(run) }
    for name in metrics.keys { try PathName.validateText(name) }
    if let keepVersions, keepVersions < 1 {
      throw CairnError(.invalid, "\(keepVersions) versions to keep", advice: "at least one: the one that is saved")
    }
    try validateLines()
  }
}

extension SaveRequest {
  /// Throws if the save was called off.
  func checkCancelled() throws {
    guard isCancelled?() == true else { return }
    throw CairnError(.cancelled, "\(path): the save was cancelled", advice: "nothing was saved")
  }

  /// Throws if the lines that would say all this are too long: before a long save, not at its end.
  func validateLines() throws {
    let id = String(repeating: "0", count: 32)
    var saved = LogEntry(.saved, id: id, by: .now())
    saved.path = path
    (saved.version, saved.newBytes, saved.step, saved.epoch) = (.max, .max, step, epoch)
    (saved.manifest, saved.run, saved.parent) = (.zero, id, parent ?? id)
    (saved.tags, saved.metadata) = (tags, metadata)
    saved.pointer = pointer ? true : nil
    saved.metrics = metrics.filter { $0.value.isFinite }
    saved.removes = Array(repeating: id, count: LockedRepository.idsPerLine)
    _ = try LogLine(saved, after: .zero)
    var began = LogEntry(.run, id: id, by: .now())
    (began.name, began.metadata) = (run, runMetadata)
    _ = try LogLine(began, after: .zero)
  }
}

extension LogEntry {
  /// Says what a request says, but for the metrics.
  mutating func take(_ request: SaveRequest, _ place: CheckpointNaming.Place, run: String?) {
    path = request.path
    version = place.version
    parent = place.parent
    self.run = run
    step = request.step
    epoch = request.epoch
    tags = request.tags.isEmpty ? nil : request.tags
    metadata = request.metadata.isEmpty ? nil : request.metadata
  }
}

/// What a save has done.
public struct SaveReport: Sendable {
  /// The id of the checkpoint.
  public var id: String
  /// Its path.
  public var path: String
  /// Its version.
  public var version: Int
  /// The digest of its manifest.
  public var manifest: Digest
  /// The checkpoint's bytes.
  public var size: Int
  /// Bytes that the repository did not have yet.
  public var newBytes: Int
  /// What went less than well although the checkpoint was saved.
  public var warnings: [String]
}
