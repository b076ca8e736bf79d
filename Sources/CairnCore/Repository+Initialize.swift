import Glibc
import Logging

extension Repository {
  /// Makes a repository in the directory `path`, which is made too if it is not there; it may be there only if empty.
  ///
  /// - Parameters:
  ///   - chunkSize: what storages are cut at, in bytes: a multiple of 64 KiB.
  ///   - journal: how the index keeps its journal; nil lets the filesystem decide.
  ///
  /// Throws ``CairnError`` if something is there already, or if the filesystem's locks are local to one host.
  public static func initialize(
    _ path: String, chunkSize: Int = 8 << 20, journal: JournalMode? = nil, logger: Logger = Logger(label: "cairn")
  ) throws -> Repository {
    guard chunkSize > 0, chunkSize % RepositoryConfiguration.chunkUnit == 0,
      chunkSize <= RepositoryConfiguration.largestChunk
    else {
      throw CairnError(
        .invalid, "a chunk size of \(chunkSize) bytes", advice: "choose a multiple of 65536, at most 1073741824")
    }
    let directory = PathName.absolute(path)
    try makeRoom(in: directory)
    let mode = try Filesystem.journalMode(for: directory)
    let configuration = RepositoryConfiguration(
      format: RepositoryConfiguration.currentFormat, id: randomID(), hash: "sha256", chunkSize: chunkSize,
      journal: journal ?? mode)
    let first = try LogLine(LogEntry(.initialized, id: configuration.id, by: .now()), after: .zero)
    try make(in: directory, configuration, firstLine: first.bytes)
    return try Repository(opening: directory, logger: logger)
  }

  /// Makes a directory for a repository; throws if it is there and holds anything that no `init` which died has left.
  static func makeRoom(in directory: String) throws {
    if try !Files.makeDirectory(directory) { try requireRoom(in: directory) }
  }

  /// Throws if a directory that is there holds anything that no `init` which died has left.
  static func requireRoom(in directory: String) throws {
    guard try Files.status(directory)?.isDirectory == true else {
      throw CairnError(.alreadyExists, "\(directory): is there already, and no directory")
    }
    let names = try Files.names(in: directory)
    if names.contains(RepositoryConfiguration.fileName) {
      throw CairnError(.alreadyExists, "\(directory): is a Cairn repository already")
    }
    // What an `init` that died has left may be there; anything else is somebody's.
    let own: Set = ["blobs", "tmp", "lock", Log.fileName, ".gitignore"]
    if let other = names.first(where: { !own.contains($0) }) {
      throw CairnError(
        .alreadyExists, "\(directory): is not empty (\(other))", advice: "choose an empty or a new directory")
    }
    try refuseRemains(in: directory)
  }

  /// Makes an empty repository in a directory that has room for it.
  static func make(in directory: String, _ configuration: RepositoryConfiguration, firstLine: [UInt8]) throws {
    guard let status = try Files.status(directory) else { throw CairnError.system("stat", directory, ENOENT) }
    let modes = Modes(following: status)
    try Files.makeDirectory(directory + "/tmp", mode: modes.directory)
    try Files.makeDirectory(directory + "/blobs", mode: modes.directory)
    for name in BlobStore.directoryNames {
      try Files.makeDirectory("\(directory)/blobs/\(name)", mode: modes.directory)
    }
    let lock = try FileLock.acquire(directory + "/lock", mode: modes.file, onWait: {})
    defer { lock.release() }
    // Two may have begun at once: the second one finds the first one's configuration now.
    guard try !Files.exists(directory + "/" + RepositoryConfiguration.fileName) else {
      throw CairnError(.alreadyExists, "\(directory): is a Cairn repository already")
    }
    if directory.hasSuffix("/" + directoryName) {
      try writeDurably(Array("*\n".utf8), to: directory + "/.gitignore", mode: modes.file)
    }
    try writeDurably(firstLine, to: directory + "/" + Log.fileName, mode: modes.file)
    try Files.syncDirectory(directory + "/blobs")
    try Files.syncDirectory(directory)
    // Last, and by a rename: whoever sees it sees a whole repository.
    let temporary = directory + "/tmp/" + RepositoryConfiguration.fileName
    try writeDurably(configuration.encoded(), to: temporary, mode: modes.file)
    try Files.rename(temporary, to: directory + "/" + RepositoryConfiguration.fileName)
    try Files.syncDirectory(directory)
    try Files.syncDirectory(PathName.parent(directory))
  }

  /// Throws if a directory without a configuration holds more than what an `init` leaves that died: then it is a
  /// repository that has lost it, or one that is still being copied here.
  private static func refuseRemains(in directory: String) throws {
    let lines = try (Files.contents(directory + "/" + Log.fileName) ?? []).count { $0 == UInt8(ascii: "\n") }
    let hasBlobs = try BlobStore.directoryNames.contains { try !Files.names(in: "\(directory)/blobs/\($0)").isEmpty }
    guard lines <= 1, !hasBlobs else {
      throw CairnError(
        .alreadyExists, "\(directory): holds a repository without its \(RepositoryConfiguration.fileName)",
        advice: "restore that file from a backup; or wait, if the repository is still being copied here")
    }
  }

  private static func writeDurably(_ bytes: [UInt8], to path: String, mode: mode_t) throws {
    let file = try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.setMode(mode)
    try file.write(bytes, at: 0)
    try file.sync()
  }
}
