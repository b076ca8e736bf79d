import CairnCore
import CairnFormats

extension Repository {
  /// Writes a checkpoint to `destination`: its content checked against its digests, written beside it and renamed, with
  /// the modification time that a file had.
  ///
  /// Throws ``CairnError`` if something is there already and is not to be replaced, or if the checkpoint is damaged;
  /// then nothing has changed.
  public func restore(
    _ name: PathName, to destination: String, _ options: RestoreOptions = RestoreOptions()
  ) throws -> RestoreReport {
    try withCheckpoint(name) { record, stored in
      let output = try Output(destination, overwrite: options.overwrite)
      do {
        var report = try Restoration(record: record, stored: stored, output: output, options: options).run()
        if options.computesDigest { report.addDigest(fileDigest) }
        return report
      } catch {
        output.discard()
        throw error
      }
    }
  }
}

extension RestoreReport {
  /// Adds the digest of what was written, which is in its place by now: that it cannot be read back is a warning.
  mutating func addDigest(_ compute: (_ path: String) throws -> Digest?) {
    do {
      digest = try compute(path)
    } catch {
      warnings.append("its digest could not be computed: \(error)")
    }
  }
}

/// The SHA-256 of a file, read in pieces; nil for a directory.
private func fileDigest(_ path: String) throws -> Digest? {
  guard let file = try? FileSource(path: path) else { return nil }
  return try Digest(hashing: file)
}
