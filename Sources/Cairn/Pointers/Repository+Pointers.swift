import CairnCore
import CairnFormats

extension Repository {
  /// The checkpoint that a pointer names.
  ///
  /// - Parameter path: Where the pointer lies, for messages.
  /// - Throws: ``CairnError/Kind/removed``, with who did it and when, if it was removed;
  ///   ``CairnError/Kind/notFound`` if this repository never had it; ``CairnError/Kind/invalid`` if the pointer says
  ///   another manifest than the repository.
  public func checkpoint(_ pointer: Pointer, at path: String) throws -> CheckpointRecord {
    let what = "\(path): points to \(pointer.name) (checkpoint \(pointer.checkpoint))"
    guard let record = try checkpoint(id: pointer.checkpoint) else {
      if let removal = try removal(ofID: pointer.checkpoint) {
        throw CairnError(
          .removed, "\(what), which was removed on \(removal.time) by \(removal.user) on \(removal.host)",
          advice: "a plain copy of a pointer keeps nothing from being removed, `cairn cp` makes one that does")
      }
      throw CairnError(
        .notFound, "\(what), which is not in \(self.path)", advice: "`cairn log` lists what there is")
    }
    guard record.manifest == pointer.manifest else {
      throw CairnError(
        .invalid, "\(what), but that has another content in \(self.path) than the pointer says",
        advice: "the pointer was not written by Cairn as it is; name the checkpoint instead: \(record.name)")
    }
    return record
  }

  /// Throws ``CairnError/Kind/invalid`` if what a pointer names is a pointer itself: they do not nest.
  public func requireNoPointer(_ record: CheckpointRecord) throws {
    let stored = try StoredCheckpoint(repository: path, id: configuration.id, manifest: record.manifest)
    let nested: Pointer?
    switch stored.manifest.content {
    case .state(.inline(let skeleton)): nested = try Pointer.parse(skeleton, name: record.name)
    case .files(let files) where files.count == 1:
      nested = try Pointer.read(stored.source(file: files[0], verify: true))
    default: nested = nil
    }
    guard nested == nil else {
      throw CairnError(
        .invalid, "\(record.name): is a pointer itself, and pointers do not nest",
        advice: "name the checkpoint that you mean")
    }
  }
}
