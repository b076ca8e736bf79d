/// In what two checkpoints, a and b, differ.
public struct CheckpointDiff: Sendable, Hashable {
  /// What was compared: `path@version`, or a file's path.
  public var old: String
  /// With what.
  public var new: String
  /// Tensors that are not the same on both sides, by name; renamed ones under their new name.
  public var tensors: [TensorDifference]
  /// How many tensors are the same on both sides.
  public var unchangedCount: Int
  /// How many of these lie in their storages otherwise, so that only reading their values showed it.
  public var relaidCount: Int
  /// What else is known of them and differs, by name. Tags are names for a checkpoint and no part of it; run and
  /// metadata are compared of stored checkpoints only, since a file does not have them.
  public var metadata: [MetadataDifference]

  /// How many tensors there are of a kind of change.
  public func count(_ kind: TensorDifference.Kind) -> Int { tensors.count { $0.kind == kind } }

  /// Changed tensors that may be the same after all; see ``TensorDifference/isCertain``.
  public var uncertainCount: Int { tensors.count { !$0.isCertain } }

  /// Whether anything differs.
  public var isDifferent: Bool { !tensors.isEmpty || !metadata.isEmpty }
}

/// What is compared, and how far.
public struct DiffOptions: Sendable {
  /// Read the tensors that differ, and say how far their values have moved.
  public var values = false
  /// Only tensors whose name (on either side) this pattern matches, and no metadata; nil for all.
  public var only: Glob?
  /// Told how many elements of how many have been compared, from any thread.
  public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
  /// Asked often while values are compared, from any thread: `true` ends it with ``CairnError/Kind/cancelled``.
  public var isCancelled: (@Sendable () -> Bool)?

  /// Compares all, by what the index and the manifests say.
  public init() {}
}
