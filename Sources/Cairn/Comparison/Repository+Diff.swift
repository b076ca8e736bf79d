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
    let sides = try [tensors(of: old), tensors(of: new)]
    do {
      return try CheckpointDiff.between(sides[0], sides[1], options)
    } catch let error as CairnError {
      throw sides.reduce(error) { explain($0, reading: $1) }
    }
  }

  /// The tensors of a checkpoint, stored or in a file. What is read of them later may have been removed by then: who
  /// reads them has errors explained by ``explain(_:reading:)``.
  public func tensors(of side: DiffSide) throws -> TensorCatalog {
    switch side {
    case .checkpoint(let name): try withCheckpoint(name) { TensorCatalog($0, $1) }
    case .file(let path): try TensorCatalog(file: path, chunkSize: configuration.chunkSize)
    }
  }

  /// What an error means that came up while tensors of this repository were read: that a blob is missing because the
  /// checkpoint was removed meanwhile. One that is damaged is set aside, as ``withCheckpoint(_:_:)`` does.
  public func explain(_ error: CairnError, reading catalog: TensorCatalog) -> CairnError {
    guard let record = catalog.record, let blob = error.blob, catalog.holds(blob) else { return error }
    noteDamage(error, manifest: record.manifest)
    if error.kind == .missing, isGone(record.id) {
      return CairnError(.removed, "\(record.name): was removed while it was being read")
    }
    return error
  }

  private func isGone(_ id: String) -> Bool {
    do { return try checkpoint(id: id) == nil } catch { return false }
  }
}
