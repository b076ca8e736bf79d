import Cairn

/// A checkpoint that is open.
final class CheckpointHandle: Sendable {
  let name: String
  let keyed: KeyedCheckpoint
  private let place: Place

  /// Where damage is noted.
  enum Place {
    case repository(Repository)
    /// A directory that was only read from: it is opened as a repository when there is damage to note.
    case directory(path: String, id: String)

    func noteDamage(_ error: CairnError, manifest: Digest) {
      guard error.kind == .damaged, error.blob != nil else { return }
      switch self {
      case .repository(let repository): repository.noteDamage(error, manifest: manifest)
      case .directory(let path, let id):
        // A pointer may lead to a directory that anybody has made: its log and its database are read only if the user
        // would have this repository found.
        guard (try? RepositoryDiscovery().requireTrust(path)) != nil,
          let repository = try? Repository(opening: path, logger: CallbackLog.logger),
          repository.path == path, repository.configuration.id == id
        else { return }
        repository.noteDamage(error, manifest: manifest)
      }
    }
  }

  /// Opens what is stored. That reads the pickle of a PyTorch file, which may be damaged.
  init(name: String, _ stored: StoredCheckpoint, _ place: Place) throws {
    self.name = name
    self.place = place
    keyed = try Self.notingDamage(stored, place) { try KeyedCheckpoint(stored) }
  }

  /// Reads from the checkpoint: a blob that turns out to be damaged is set aside, so that the next save of its bytes
  /// heals it instead of sharing it.
  func reading<Result>(_ body: (KeyedCheckpoint) throws -> Result) throws -> Result {
    try Self.notingDamage(keyed.stored, place) { try body(keyed) }
  }

  private static func notingDamage<Result>(
    _ stored: StoredCheckpoint, _ place: Place, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as CairnError {
      place.noteDamage(error, manifest: stored.digest)
      throw error
    }
  }
}
