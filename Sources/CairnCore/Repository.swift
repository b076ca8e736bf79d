import GRDB
import Glibc
import Logging
import Synchronization

/// A repository: checkpoints, stored once however often their bytes occur.
///
/// Safe to use from several threads, and while other processes use the same repository. A process that was forked from
/// one that uses it opens its own connections at the first call.
public final class Repository: Sendable {
  /// The repository's directory, as an absolute path.
  public let path: String
  /// What `init` wrote.
  public let configuration: RepositoryConfiguration
  let modes: Modes
  let blobs: BlobStore
  let logger: Logger
  private let ownChunkMemory = PerProcess { ChunkMemory() }
  private let connections = PerProcess { Connections() }
  /// Whether the filesystem's locks have been found to serve.
  let isOnTrustedLocks = Atomic(false)

  /// The name of a repository's directory inside the directory whose checkpoints it holds.
  public static let directoryName = ".cairn"

  private final class Connections: Sendable {
    let reader = Mutex<IndexFile.Connection?>(nil)
  }

  /// The chunks that this process has hashed.
  var chunkMemory: ChunkMemory { ownChunkMemory.value }

  /// Opens the repository in `path`, which is its directory or one that holds it as `.cairn`.
  ///
  /// Throws ``CairnError`` if there is none, or if a newer Cairn made it.
  public init(opening path: String, logger: Logger = Logger(label: "cairn")) throws {
    let given = PathName.absolute(path)
    let nested = given + "/" + Self.directoryName
    let directory =
      try !Files.exists(given + "/" + RepositoryConfiguration.fileName) && Files.exists(nested) ? nested : given
    configuration = try RepositoryConfiguration.read(directory)
    guard let status = try Files.status(directory) else { throw CairnError.system("stat", directory, ENOENT) }
    self.path = directory
    self.logger = logger
    modes = Modes(following: status)
    blobs = BlobStore(repository: directory, readsDirectories: configuration.journal == .delete)
  }

  /// The directory that holds the repository, if that is called `.cairn`: file-system paths below it are stored relative
  /// to it.
  public var base: String? {
    guard path.hasSuffix("/" + Self.directoryName) else { return nil }
    let parent = String(path.dropLast(Self.directoryName.utf8.count + 1))
    return parent.isEmpty ? "/" : parent
  }

  var indexPath: String { path + "/" + IndexFile.fileName }
  var logPath: String { path + "/" + Log.fileName }

  /// Whether this user may write to the repository.
  public var isWritable: Bool { access(path, W_OK) == 0 }

  /// Closes the connections to the index. The repository can be used again; it opens them anew.
  public func close() {
    dropReader()
  }

  /// A connection for writing to the index that is at its path now; nil if there is none. For holders of the lock.
  ///
  /// Opened anew each time: pages that SQLite remembers, and a -wal that was unlinked under an open connection, know
  /// nothing of an older copy that was put in the file's place.
  func writerConnection() throws -> IndexFile.Connection? { try IndexFile.open(indexPath, readonly: false) }

  /// The connection for reading from the index that is at its path now; nil if there is none.
  func readerConnection() throws -> IndexFile.Connection? {
    // A rollback journal needs no shared memory, and so no writing, unless there is something to roll back.
    let hasJournal = try Files.status(indexPath + "-journal")?.size ?? 0 > 0
    let isPlain = isWritable || configuration.journal == .delete && !hasJournal
    return try connections.value.reader.withLock { reader in
      let stamp = try IndexStamp.current(indexPath)
      if let open = reader, open.stamp == stamp { return open }
      reader = nil
      reader =
        isPlain
        ? try IndexFile.open(indexPath, readonly: true)
        : try IndexFile.openWithoutWriting(indexPath, lock: path + "/lock")
      return reader
    }
  }

  /// Lets go of the connection for reading, so that the next one sees the index as it is then.
  func dropReader() { connections.value.reader.withLock { $0 = nil } }
}

extension Repository {
  /// Says something that went less than well, to whoever reads the log of the program.
  public func warn(_ message: String) { logger.warning("\(message)") }
}
