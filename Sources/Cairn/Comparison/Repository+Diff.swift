import CairnCore

/// One side of a comparison.
public enum DiffSide: Sendable, Hashable {
  /// A stored checkpoint.
  case checkpoint(PathName)
  /// A file that is not saved.
  case file(String)
}

extension CheckpointDiff {
  /// Compares two checkpoints.
  ///
  /// Whether a tensor has changed is decided on its own bytes: by the digests of the chunks that it reaches over, from
  /// its first byte to its last, so that views on larger storages, and the same tensors in a PyTorch file and in
  /// safetensors, are the same. Where the two are cut or laid out otherwise (a slice, a transposed view, a tensor that
  /// shares its chunk with another that has changed), only `values` tells; until then it is listed as changed, and
  /// marked as not certain. NaN is the same as the same NaN.
  ///
  /// With `values`, the tensors that differ are read, a piece at a time; digests are not checked.
  ///
  /// Throws ``CairnError`` if bytes are missing or damaged or a file changes, ``TensorError`` for a tensor that does not
  /// lie in its storage.
  public static func between(
    _ old: TensorCatalog, _ new: TensorCatalog, _ options: DiffOptions = DiffOptions()
  ) throws -> CheckpointDiff {
    try CatalogComparer(old: old, new: new, options: options).run()
  }
}

extension Repository {
  /// Compares two checkpoints; see ``CheckpointDiff/between(_:_:_:)``.
  public func diff(
    _ old: DiffSide, _ new: DiffSide, _ options: DiffOptions = DiffOptions()
  ) throws -> CheckpointDiff {
    try withTensors(of: old) { old in
      try withTensors(of: new) { try CheckpointDiff.between(old, $0, options) }
    }
  }

  /// Opens a checkpoint, stored or in a file, and does something with its tensors; see ``withCheckpoint(_:_:)``.
  public func withTensors<Result>(of side: DiffSide, _ body: (TensorCatalog) throws -> Result) throws -> Result {
    switch side {
    case .checkpoint(let name): try withCheckpoint(name) { try body(TensorCatalog($0, $1)) }
    case .file(let path): try body(TensorCatalog(file: path, chunkSize: configuration.chunkSize))
    }
  }
}
