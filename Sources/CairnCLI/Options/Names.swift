import Cairn

extension Repository {
  /// The name that an argument means: as it stands if there is such a checkpoint, else as a file-system path.
  ///
  /// Throws ``CairnError/Kind/notFound`` or ``CairnError/Kind/removed`` if it is neither.
  func resolve(_ argument: String) throws -> CheckpointRecord {
    let verbatim = PathName(parsing: argument)
    if let record = try find(verbatim) { return record }
    let file = PathName(path: name(forFile: verbatim.path), version: verbatim.version)
    if file != verbatim, let record = try find(file) { return record }
    do {
      return try checkpoint(verbatim)
    } catch let error as CairnError where error.kind == .notFound && file != verbatim {
      do {
        return try checkpoint(file)
      } catch let other as CairnError where other.kind == .notFound {
        throw error
      }
    }
  }

  /// The name of a path, all its versions or one, that an argument means; nil if there is none.
  func resolvePath(_ argument: String) throws -> PathName? {
    let verbatim = PathName(parsing: argument)
    let file = PathName(path: name(forFile: verbatim.path), version: verbatim.version)
    return try [verbatim, file].first { name in try find(name)?.path.isExactly(name.path) == true }
  }

  /// As ``resolvePath(_:)``, where there has to be one: a tag is refused with an advice for the checkpoint it names.
  func requirePath(_ argument: String, advice: (CheckpointRecord) -> String) throws -> PathName {
    if let name = try resolvePath(argument) { return name }
    let record = try resolve(argument)
    // Somebody may have saved to the path only now.
    if let name = try resolvePath(argument) { return name }
    throw CairnError(.invalid, "\(argument): a tag, of \(record.name)", advice: advice(record))
  }
}
