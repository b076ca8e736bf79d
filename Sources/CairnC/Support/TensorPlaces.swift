import Cairn

extension TensorsPlace {
  /// A pointer file is what it points to, in whatever repository; `./x` and `../x` are the file, if there is one; all
  /// else is a name in the repository first, and a file if there is no such name.
  init(_ argument: String, in repository: Repository) throws {
    if let (holder, record) = try repository.pointed(by: argument) {
      self.init(record, in: holder)
      return
    }
    let isFile = Self.isFile(argument)
    if isFile, Self.isPath(argument) {
      self = .file(argument)
      return
    }
    let name = PathName(parsing: argument)
    let saved = PathName(path: repository.name(forFile: name.path), version: name.version)
    if let record = try repository.find(name) ?? repository.find(saved) {
      self.init(record, in: repository)
    } else if isFile {
      self = .file(argument)
    } else {
      self.init(try repository.checkpoint(name), in: repository)
    }
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
    try places.withTensors(
      chunkSize: repository.configuration.chunkSize,
      reading: { try TensorCatalog(file: $0, chunkSize: $1, isCancelled: isCancelled) }, body)
  }
}
