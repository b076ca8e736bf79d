/// Saving, loading and removing training states: the interface of Lightning's `CheckpointIO`, member by member
/// (lightning/fabric/plugins/io/checkpoint_io.py).
///
/// A path is a name in a repository; `path@n` is its version `n`.
public protocol CheckpointIO {
  /// Saves a state under a path. Saving there again adds a version.
  ///
  /// - Parameters:
  ///   - checkpoint: The state of model and trainer.
  ///   - path: Where it is saved.
  ///   - storageOptions: What is said of it beside its content.
  func saveCheckpoint(_ checkpoint: Checkpoint, path: String, storageOptions: StorageOptions?) throws

  /// Loads the state at a path.
  ///
  /// - Parameters:
  ///   - path: Where it was saved; without a version, the newest.
  ///   - state: If given, what is restored in place: for each of its keys the checkpoint's value, tensors by writing to
  ///     the memory they have. See ``StateRestoration``.
  ///   - mapLocation: Which devices storages go to; nil for those they were saved from.
  ///   - weightsOnly: `true` refuses anything but tensors and primitive values.
  /// - Returns: The state; if `state` was given, what of it was not asked for.
  func loadCheckpoint(
    path: String, state: inout Checkpoint?, mapLocation: MapLocation?, weightsOnly: Bool?
  ) throws -> Checkpoint?

  /// Removes all versions of a path, of `path@n` that one. Of something unknown it removes nothing.
  func removeCheckpoint(path: String) throws

  /// Lets go of what the saving and loading needs. It can be used again afterwards.
  func teardown()

  /// Whether saving wants collective operations on the CPU; false: each process saves by itself.
  var requiresCPUCollectives: Bool { get }

  /// Whether a checkpoint has to be restored after models and optimizers were set up; false.
  var restoreAfterSetup: Bool { get }

  /// Whether loading needs the state to restore into; as ``restoreAfterSetup``.
  var requiresStateOnLoad: Bool { get }
}

extension CheckpointIO {
  public var requiresCPUCollectives: Bool { false }
  public var restoreAfterSetup: Bool { false }
  public var requiresStateOnLoad: Bool { restoreAfterSetup }

  /// Saves a state with nothing said of it.
  public func saveCheckpoint(_ checkpoint: Checkpoint, path: String) throws {
    try saveCheckpoint(checkpoint, path: path, storageOptions: nil)
  }

  /// Loads a state as it was saved.
  public func loadCheckpoint(path: String) throws -> Checkpoint? {
    var none: Checkpoint?
    return try loadCheckpoint(path: path, state: &none, mapLocation: nil, weightsOnly: nil)
  }
}

/// What is said of a checkpoint beside its content.
public struct StorageOptions: Sendable {
  /// The name of the run it belongs to.
  public var run: String?
  /// Names that point to it from now on.
  public var tags: [String] = []
  /// Numbers that say how good it is.
  public var metrics: [String: Double] = [:]
  /// Whatever else is to be known of it.
  public var metadata: [String: JSONValue] = [:]
  /// How many versions of the path stay, this one included; nil: as many as the interface was made with.
  public var keepVersions: Int?

  /// Says nothing.
  public init() {}
}
