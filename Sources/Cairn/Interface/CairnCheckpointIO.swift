import CairnCore

/// ``CheckpointIO`` over a repository.
public final class CairnCheckpointIO: CheckpointIO, Sendable {
  private let repository: Repository
  private let run: String?
  private let keepVersions: Int?
  private let mode: LoadMode

  /// Makes an interface to a repository.
  ///
  /// - Parameters:
  ///   - run: The name of the run that checkpoints belong to, if their storage options name none.
  ///   - keepVersions: How many versions of a path stay; nil: all.
  ///   - mode: How tensors are loaded.
  public init(_ repository: Repository, run: String? = nil, keepVersions: Int? = nil, loading mode: LoadMode = .mapped)
  {
    self.repository = repository
    self.run = run
    self.keepVersions = keepVersions
    self.mode = mode
  }

  public func saveCheckpoint(_ checkpoint: Checkpoint, path: String, storageOptions: StorageOptions?) throws {
    let options = storageOptions ?? StorageOptions()
    var request = SaveRequest(path: path)
    request.run = options.run ?? run
    request.tags = options.tags
    request.metrics = options.metrics
    request.metadata = options.metadata
    request.keepVersions = options.keepVersions ?? keepVersions
    let report = try repository.save(checkpoint, request)
    for warning in report.warnings { repository.warn("\(report.path)@\(report.version): \(warning)") }
  }

  public func loadCheckpoint(
    path: String, state: inout Checkpoint?, mapLocation: MapLocation?, weightsOnly: Bool?
  ) throws -> Checkpoint? {
    let loaded = try repository.load(
      PathName(parsing: path), mode, mapLocation: mapLocation, weightsOnly: weightsOnly ?? false)
    guard let target = state else { return loaded }
    let restored = try StateRestoration.restore(target, from: loaded)
    state = restored.state
    return restored.remainder
  }

  public func removeCheckpoint(path: String) throws {
    let removal = try repository.remove(PathName(parsing: path))
    for warning in removal.warnings { repository.warn("\(path): \(warning)") }
  }

  public func teardown() { repository.close() }
}
