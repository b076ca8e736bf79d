import CairnCore

/// What is known of a checkpoint file without loading it: where its storages lie, and what they hold.
///
/// The bytes between the extents (headers, the pickle, padding) are the file's literal bytes, so that extents and
/// literals together are the whole file.
public struct FileLayout: Sendable {
  /// The formats a file is told apart by.
  public enum Format: String, Sendable {
    case pytorch, safetensors, opaque
  }

  /// A run of bytes of the file that is one storage.
  public struct Extent: Sendable, Hashable {
    /// Where it starts in the file, in bytes.
    public var offset: Int
    /// How many bytes it has; may be 0.
    public var length: Int

    /// Makes an extent from its parts.
    public init(offset: Int, length: Int) {
      self.offset = offset
      self.length = length
    }
  }

  /// The format of the file.
  public var format: Format
  /// The storages in the order in which they lie in the file; none overlaps another.
  public var storages: [Extent]
  /// The named tensors; ``TensorEntry/storage`` is a position in ``storages``.
  public var tensors: [TensorEntry]
  /// What was read out of the file, as a JSON object: `epoch`, `global_step`, `hyper_parameters` …
  public var metadata: [String: JSONValue]

  /// Makes a layout from its parts.
  public init(format: Format, storages: [Extent], tensors: [TensorEntry], metadata: [String: JSONValue]) {
    self.format = format
    self.storages = storages
    self.tensors = tensors
    self.metadata = metadata
  }
}
