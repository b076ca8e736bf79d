import Glibc

/// The directory that a backup goes to: a repository of its own, with the id of the one that it is a backup of.
struct BackupDestination {
  /// The repository's directory in it, as an absolute path.
  let path: String
  /// Whether a backup, perhaps an empty one, is there already.
  let isThere: Bool
  private let source: Repository

  /// Finds the place that a user names: a directory, or one that holds the backup as `.cairn`.
  ///
  /// Throws if it is another repository's, somebody's, or lies in the source or around it.
  init(_ named: String, for source: Repository) throws {
    let given = PathName.absolute(named)
    let nested = given + "/" + Repository.directoryName
    let file = "/" + RepositoryConfiguration.fileName
    path = try !Files.exists(given + file) && Files.exists(nested + file) ? nested : given
    self.source = source
    try Self.refuseNesting(path, source.path)
    isThere = try Files.exists(path + file)
    if isThere {
      let there = try RepositoryConfiguration.read(path)
      guard there.id == source.configuration.id else {
        throw CairnError(
          .alreadyExists, "\(path): is another repository, and no backup of \(source.path)",
          advice: "name a new directory, or the one that holds this repository's backup")
      }
    } else if try Files.exists(path) {
      try Repository.requireRoom(in: path)
    }
  }

  /// The backup, which is made as an empty repository if it is not there: killed from here on, it is one.
  ///
  /// Only the last directory of the path is made: where a disk is not mounted, nothing is written below its mount point.
  func open(firstLine: [UInt8]) throws -> Repository {
    if !isThere {
      do {
        try Repository.makeRoom(in: path)
        var configuration = source.configuration
        // Asked in any case: it throws where locks do not serve.
        let journal = try Filesystem.journalMode(for: path)
        if journal == .delete { configuration.journal = .delete }
        try Repository.make(in: path, configuration, firstLine: firstLine)
      } catch let error as CairnError where error.kind == .alreadyExists {
        // Another backup has just made it; anything else that is there is said.
        guard let there = try? RepositoryConfiguration.read(path), there.id == source.configuration.id else {
          throw error
        }
      }
    }
    return try Repository(opening: path, logger: source.logger)
  }

  /// Compares files, not names: symbolic links and bind mounts give a directory several.
  private static func refuseNesting(_ destination: String, _ source: String) throws {
    guard let own = try Files.status(source)?.identity else { throw CairnError.system("stat", source, ENOENT) }
    let there = try Files.status(destination)?.identity
    if there == own {
      throw CairnError(.invalid, "\(destination): is the repository itself", advice: "name another directory")
    }
    for above in ancestors(destination) where try Files.status(above)?.identity == own {
      throw CairnError(
        .invalid, "\(destination): lies inside the repository \(source)", advice: "name a directory outside of it")
    }
    guard let there else { return }
    for above in ancestors(source) where try Files.status(above)?.identity == there {
      throw CairnError(
        .invalid, "\(destination): holds the repository \(source)", advice: "name a directory that does not")
    }
  }

  /// The directories above a path, symbolic links resolved as far as it is there.
  private static func ancestors(_ path: String) -> [String] {
    var (existing, rest) = (path, [Substring]())
    var resolved = realpath(existing, nil)
    while resolved == nil, existing != "/" {
      rest.append(existing.split(separator: "/").last ?? "")
      existing = PathName.parent(existing)
      resolved = realpath(existing, nil)
    }
    defer { free(resolved) }
    var above = resolved.map { String(cString: $0) } ?? "/"
    var found = rest.isEmpty ? [] : [above]
    while above != "/" {
      above = PathName.parent(above)
      found.append(above)
    }
    return found
  }
}
