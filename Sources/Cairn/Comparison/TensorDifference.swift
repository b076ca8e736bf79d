import CairnCore

/// What has become of a tensor from one checkpoint to another.
public struct TensorDifference: Sendable, Hashable {
  /// What it is that has changed.
  public enum Kind: String, Sendable, CaseIterable {
    /// It is in b only.
    case added
    /// It is in a only.
    case removed
    /// It has another element type (and perhaps another shape).
    case retyped
    /// It has another shape.
    case reshaped
    /// Its bytes are others.
    case changed
    /// The same bytes, type and shape under another name.
    case moved
  }

  /// A tensor on one side.
  public struct Side: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// The element type, by PyTorch's name.
    public var dtype: String
    /// Elements along each dimension.
    public var shape: [Int]
    /// The bytes of its elements; nil if it does not lie in its storage as a manifest says.
    public var bytes: Int?
  }

  /// What it is that has changed.
  public var kind: Kind
  /// The tensor in a; nil if it was added.
  public var old: Side?
  /// The tensor in b; nil if it was removed.
  public var new: Side?
  /// False for a changed tensor of which the index cannot tell whether its bytes are others: they lie in storages that
  /// are cut or laid out otherwise. Comparing values tells.
  public var isCertain: Bool
  /// How far the values have moved, if that was asked for and both sides have as many elements.
  public var values: ValueChange?

  /// The name, in b if it is there.
  public var name: String { new?.name ?? old?.name ?? "" }
}

/// What has become of something that is known of a checkpoint beside its tensors.
public struct MetadataDifference: Sendable, Hashable {
  /// Its dotted name: `step`, `epoch`, `run`, `metrics.val_loss`, `metadata.note`, `extracted.hyper_parameters.lr`.
  public var name: String
  /// Its value in a; nil if it has none.
  public var old: JSONValue?
  /// Its value in b; nil if it has none.
  public var new: JSONValue?
}
