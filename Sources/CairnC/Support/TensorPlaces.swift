import Cairn
import Glibc

/// Where the tensors are that an argument means: the rules are those of the command line.
enum TensorsPlace {
  case stored(Repository, PathName)
  case file(String)

  /// A pointer file is what it points to, in whatever repository; `./x` and `../x` are the file, if there is one; all
  /// else is a name in the repository first, and a file if there is no such name.
  init(_ argument: String, in repository: Repository) throws {
    if let (holder, record) = try repository.pointed(by: argument) {
      self = .stored(holder, PathName(path: record.path, version: record.version))
      return
    }
    let isFile = Self.isRegularFile(argument)
    if isFile, argument.hasPrefix("./") || argument.hasPrefix("../") {
      self = .file(argument)
      return
    }
    let name = PathName(parsing: argument)
    let saved = PathName(path: repository.name(forFile: name.path), version: name.version)
    if let record = try repository.find(name) ?? repository.find(saved) {
      self = .stored(repository, PathName(path: record.path, version: record.version))
    } else if isFile {
      self = .file(argument)
    } else {
      let record = try repository.checkpoint(name)
      self = .stored(repository, PathName(path: record.path, version: record.version))
    }
  }

  private static func isRegularFile(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
  }
}

extension Repository {
  /// What the pointer file of this name points to, in this repository or another; nil if it is none.
  func pointed(by file: String) throws -> (repository: Repository, record: CheckpointRecord)? {
    guard let pointer = try Pointer.read(file) else { return nil }
    let holder =
      try pointer.repository == configuration.id
      ? self
      : RepositoryDiscovery().repository(of: pointer, at: file) {
        try Repository(opening: $0, logger: CallbackLog.logger)
      }
    return (holder, try holder.checkpoint(pointer, at: file))
  }

  /// The path, or the one version, that a name means. Throws as ``checkpoint(_:)`` if there is none.
  func meant(by text: String) throws -> PathName {
    let name = PathName(parsing: text)
    let record = try checkpoint(name)
    // A tag means one version.
    return record.path.isExactly(name.path) ? name : PathName(path: record.path, version: record.version)
  }
}

/// The tensors that arguments mean, opened together.
struct TensorPlaces {
  private let places: [TensorsPlace]
  private let repository: Repository
  private let isCancelled: (@Sendable () -> Bool)?

  init(_ arguments: [String], in repository: Repository, isCancelled: (@Sendable () -> Bool)?) throws {
    self.repository = repository
    self.isCancelled = isCancelled
    places = try arguments.map { try TensorsPlace($0, in: repository) }
  }

  /// Opens them all, and does something with their tensors.
  func withTensors<Result>(_ body: ([TensorCatalog]) throws -> Result) throws -> Result {
    let catalogs = try places.map { try tensors(of: $0) }
    do {
      return try body(catalogs)
    } catch let error as CairnError {
      throw zip(places, catalogs).reduce(error) { error, side in
        guard case .stored(let repository, _) = side.0 else { return error }
        return repository.explain(error, reading: side.1)
      }
    }
  }

  /// Files are cut as the repository does that they are compared with.
  private var chunkSize: Int {
    for case .stored(let repository, _) in places { return repository.configuration.chunkSize }
    return repository.configuration.chunkSize
  }

  private func tensors(of place: TensorsPlace) throws -> TensorCatalog {
    switch place {
    case .stored(let repository, let name): try repository.tensors(of: .checkpoint(name))
    case .file(let path): try TensorCatalog(file: path, chunkSize: chunkSize, isCancelled: isCancelled)
    }
  }
}
