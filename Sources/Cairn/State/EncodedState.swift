/// A state as it is kept: its structure and plain values as bytes, and the bytes of its tensors beside them.
public struct EncodedState: Sendable {
  /// The pickle, as `data.pkl` in PyTorch's container; storages are persistent ids in it, with the keys `0`, `1` ….
  public var skeleton: [UInt8]
  /// The storages, each once; the key of a storage is its position.
  public var storages: [TensorStorage]
  /// The tensors by name; ``TensorEntry/storage`` is a position in ``storages``. See ``PyTorchContents``.
  public var tensors: [TensorEntry]
  /// The plain values at the top of the state.
  public var metadata: [String: JSONValue]
  /// The metrics in a Lightning state that belong to the path it is saved at.
  public var metrics: [String: Double]
}
