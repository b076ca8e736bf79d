import CairnCore

/// The format a checkpoint is written in when it leaves the repository.
public enum ExportFormat: String, Sendable, CaseIterable {
  /// The file or directory that was saved, bit for bit.
  case original
  /// A PyTorch zip container that `torch.load` reads.
  case pytorch
  /// A safetensors file: tensors and string metadata only.
  case safetensors
}

/// How a checkpoint is restored.
public struct RestoreOptions: Sendable {
  /// The format; nil: files as they were, a state as a PyTorch container.
  public var format: ExportFormat?
  /// Replace what is at the destination.
  public var overwrite = false
  /// Compute the SHA-256 of the whole file that was written. It takes a pass of its own, on one core: the content was
  /// checked by its blobs' digests already.
  public var computesDigest = false
  /// Told how many bytes of how many have been written, from any thread.
  public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

  /// Does not overwrite.
  public init() {}
}

/// What a restore has done.
public struct RestoreReport: Sendable {
  /// The checkpoint, as `path@version`.
  public var checkpoint: String
  /// Where it was written.
  public var path: String
  /// Bytes written.
  public var bytes: Int
  /// The SHA-256 of the file, if it is a single one and that was asked for.
  public var digest: Digest?
  /// What the format could not hold, by dotted name.
  public var leftOut: [String]
  /// What went wrong once the checkpoint was in its place, whole.
  public var warnings: [String] = []
}
