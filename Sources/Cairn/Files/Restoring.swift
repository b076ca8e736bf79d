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
  /// The format; nil: a file checkpoint as it was, a state as a PyTorch container.
  public var format: ExportFormat?
  /// Replace what is at the destination.
  public var overwrite = false
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
  /// The SHA-256 of the file, for a single file.
  public var digest: Digest?
  /// What the format could not hold, by dotted name.
  public var leftOut: [String]
}

extension Repository {
  /// Writes a checkpoint to `destination`: verified, to a temporary beside it and renamed.
  public func restore(_ name: PathName, to destination: String, _ options: RestoreOptions = RestoreOptions()) throws
    -> RestoreReport
  {
    throw CairnError(.invalid, "not yet")
  }

  /// Saves a file, or a directory as one checkpoint of many files.
  ///
  /// `request.step`, `epoch` and metrics are taken from the checkpoint where the request does not give them.
  public func save(file path: String, _ request: SaveRequest) throws -> SaveReport {
    throw CairnError(.invalid, "not yet")
  }
}
