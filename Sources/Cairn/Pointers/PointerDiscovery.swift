import CairnCore
import Foundation

extension RepositoryDiscovery {
  /// The repository that a pointer names: at its absolute place, relative to the pointer, what `CAIRN_REPO` says, on the
  /// user's list of known ones, a `.cairn` above `directory`. Its id is the one that the pointer says.
  ///
  /// One that was not named by the user must belong to them or be on the trusted list.
  ///
  /// - Parameters:
  ///   - path: Where the pointer lies; nil if it has no place.
  ///   - open: Opens a repository.
  /// - Throws: ``CairnError/Kind/notARepository`` if it is nowhere, ``CairnError/Kind/untrusted`` if it is somebody
  ///   else's, ``CairnError/Kind/newerFormat`` if the only candidate cannot be told for that.
  public func repository(
    of pointer: Pointer, at path: String? = nil, from directory: String = ".",
    opening open: (String) throws -> Repository = { try Repository(opening: $0) }
  ) throws -> Repository {
    var failure: CairnError?
    for candidate in candidates(pointer, path, directory) {
      do {
        let repository = try open(candidate.place)
        guard repository.configuration.id == pointer.repository else { continue }
        if !candidate.isNamed { try requireTrust(repository.path) }
        return repository
      } catch let error as CairnError {
        // What is wrong with somewhere else is nobody's business here.
        if error.kind == .untrusted || (error.kind == .newerFormat && failure == nil) { failure = error }
      }
    }
    if let failure { throw failure }
    throw CairnError(
      .notARepository,
      "\(path ?? pointer.name): points to \(pointer.name) in the repository \(pointer.repository), which was at "
        + "\(pointer.place) and is not found",
      advice: "if it was moved, set \(Self.variable) to where it is now")
  }

  private func candidates(
    _ pointer: Pointer, _ path: String?, _ directory: String
  ) -> [(place: String, isNamed: Bool)] {
    var found: [(place: String, isNamed: Bool)] = []
    if pointer.place.hasPrefix("/") { found.append((pointer.place, false)) }
    if let path, !pointer.relative.isEmpty, !pointer.relative.hasPrefix("/") {
      for place in [PathName.absolute(path), resolvedPath(path)].compactMap({ $0 }) {
        found.append((PathName.absolute(parentDirectory(of: place) + "/" + pointer.relative), false))
      }
    }
    if let named = environment[Self.variable], !named.isEmpty { found.append((named, true)) }
    found += KnownRepositories(environment: environment).places(of: pointer.repository).map { ($0, false) }
    var current = PathName.absolute(directory)
    while true {
      found.append(((current == "/" ? "" : current) + "/" + Repository.directoryName, false))
      if current == "/" { return found }
      current = parentDirectory(of: current)
    }
  }
}

/// The path without symbolic links; nil if it is not there.
func resolvedPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// The directory that an absolute path lies in.
func parentDirectory(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
  return String(path[..<slash])
}
