import Cairn
import Foundation

/// Where the tensors are that an argument means.
enum TensorsPlace {
  case stored(Repository, PathName)
  case file(String)
}

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
      let record = pointed.record
      return .stored(pointed.repository, PathName(path: record.path, version: record.version))
    }
    let isFile = isRegularFile(argument)
    if isFile, argument.hasPrefix("./") || argument.hasPrefix("../") { return .file(argument) }
    do {
      let repository = try opened ?? options.open(console)
      opened = repository
      let record = try repository.resolve(argument)
      return .stored(repository, PathName(path: record.path, version: record.version))
    } catch let error as CairnError
      where isFile && [.notFound, .removed, .notARepository, .untrusted].contains(error.kind)
    {
      return .file(argument)
    }
  }

  /// Files are cut as the repository does that they are compared with.
  private var chunkSize: Int {
    for case .stored(let repository, _) in places { return repository.configuration.chunkSize }
    return opened?.configuration.chunkSize ?? 8 << 20
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

  private func tensors(of place: TensorsPlace) throws -> TensorCatalog {
    switch place {
    case .stored(let repository, let name): return try repository.tensors(of: .checkpoint(name))
    case .file(let path):
      let progress = console.progress("reading \(path)")
      defer { progress.finish() }
      return try TensorCatalog(file: path, chunkSize: chunkSize) { progress.update($0, $1) }
    }
  }

  private func isRegularFile(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
  }
}
