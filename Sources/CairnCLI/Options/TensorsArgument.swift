import Cairn

/// Finds out what arguments mean that name a stored checkpoint or a file that is not saved.
struct TensorsArguments {
  private let options: RepositoryOptions
  private let console: Console
  private(set) var places: [TensorsPlace] = []
  private var opened: Repository?

  init(_ arguments: [String], _ options: RepositoryOptions, _ console: Console) throws {
    self.options = options
    self.console = console
    for argument in arguments { places.append(try place(argument)) }
  }

  /// A pointer file is what it points to; `./x` and `../x` are the file, if there is one; all else is a name in the
  /// repository first, and a file if there is no such name.
  private mutating func place(_ argument: String) throws -> TensorsPlace {
    if let pointed = try options.pointed(argument, console) {
      return TensorsPlace(pointed.record, in: pointed.repository)
    }
    let isFile = TensorsPlace.isFile(argument)
    if isFile, TensorsPlace.isPath(argument) { return .file(argument) }
    do {
      let repository = try opened ?? options.open(console)
      opened = repository
      return TensorsPlace(try repository.resolve(argument), in: repository)
    } catch let error as CairnError
      where isFile && [.notFound, .removed, .notARepository, .untrusted].contains(error.kind)
    {
      return .file(argument)
    }
  }

  /// Opens them all, and does something with their tensors.
  func withTensors<Result>(_ body: ([TensorCatalog]) throws -> Result) throws -> Result {
    try places.withTensors(
      chunkSize: opened?.configuration.chunkSize ?? 8 << 20,
      reading: { path, chunkSize in
        let progress = console.progress("reading \(path)")
        defer { progress.finish() }
        return try TensorCatalog(file: path, chunkSize: chunkSize) { progress.update($0, $1) }
      }, body)
  }
}
