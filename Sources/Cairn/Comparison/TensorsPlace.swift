import CairnCore
import Glibc

/// Where the tensors are that an argument means: the same for the command line and the C interface.
package enum TensorsPlace {
  case stored(Repository, PathName)
  case file(String)

  /// The place of a checkpoint.
  package init(_ record: CheckpointRecord, in repository: Repository) {
    self = .stored(repository, PathName(path: record.path, version: record.version))
  }

  /// Whether an argument is the path of a file that is there.
  package static func isFile(_ argument: String) -> Bool {
    var information = stat()
    return stat(argument, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
  }

  /// Whether an argument can only be meant as a path: `./x` and `../x` are no names.
  package static func isPath(_ argument: String) -> Bool { argument.hasPrefix("./") || argument.hasPrefix("../") }
}

extension [TensorsPlace] {
  /// Opens them all, and does something with their tensors; what is damaged or was removed meanwhile is said of the place
  /// that it is in.
  ///
  /// - Parameters:
  ///   - chunkSize: How files are cut that are compared with no checkpoint: else as its repository does.
  ///   - read: Reads a file, cut so.
  package func withTensors<Result>(
    chunkSize: Int, reading read: (_ file: String, _ chunkSize: Int) throws -> TensorCatalog,
    _ body: ([TensorCatalog]) throws -> Result
  ) throws -> Result {
    let chunkSizes = lazy.compactMap { place in
      if case .stored(let repository, _) = place { repository.configuration.chunkSize } else { nil }
    }
    let chunkSize = chunkSizes.first ?? chunkSize
    let catalogs = try map { place in
      switch place {
      case .stored(let repository, let name): try repository.tensors(of: .checkpoint(name))
      case .file(let path): try read(path, chunkSize)
      }
    }
    do {
      return try body(catalogs)
    } catch let error as CairnError {
      throw zip(self, catalogs).reduce(error) { error, side in
        guard case .stored(let repository, _) = side.0 else { return error }
        return repository.explain(error, reading: side.1)
      }
    }
  }
}
