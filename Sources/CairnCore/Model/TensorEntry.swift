/// A named view on a storage, as a manifest and the index keep it.
public struct TensorEntry: Sendable, Hashable {
  /// The dotted path of the tensor in the state, such as `state_dict.layer1.0.weight`.
  public var name: String
  /// The element type, by PyTorch's name without `torch.`: `float32`, `bfloat16` …
  public var dtype: String
  /// Elements along each dimension; empty for a scalar.
  public var shape: [Int]
  /// Elements (not bytes) between neighbours along each dimension; as many as ``shape`` has.
  public var strides: [Int]
  /// Where the first element lies in the storage, in bytes.
  public var byteOffset: Int
  /// The position of the storage in the list it belongs to (a manifest's, or a file layout's).
  public var storage: Int

  /// Makes an entry from its parts.
  public init(name: String, dtype: String, shape: [Int], strides: [Int], byteOffset: Int, storage: Int) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.byteOffset = byteOffset
    self.storage = storage
  }
}
