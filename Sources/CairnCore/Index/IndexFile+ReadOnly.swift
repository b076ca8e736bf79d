import Foundation
import GRDB

extension IndexFile {
  /// Opens the index where this user cannot write: SQLite cannot make the shared memory that a WAL needs there.
  ///
  /// Where nobody can write, the file without a WAL is all there is, and cannot change (`immutable=1`). Elsewhere a
  /// private copy is read, taken while no writer has the repository's lock; it is as old as its making.
  static func openWithoutWriting(_ path: String, lock: String) throws -> Connection? {
    guard let stamp = try IndexStamp.current(path) else { return nil }
    let walSize = try Files.status(path + "-wal")?.size ?? 0
    if walSize == 0, isOnReadOnlyMedia(path) {
      var configuration = GRDB.Configuration()
      configuration.readonly = true
      guard let name = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) else {
        throw CairnError(.invalid, "\(path): cannot be written as a URI")
      }
      let queue = try DatabaseQueue(path: "file:\(name)?immutable=1", configuration: configuration)
      return Connection(queue: queue, stamp: stamp)
    }
    return Connection(queue: try privateCopy(of: path, lock: lock), stamp: stamp)
  }

  private static func isOnReadOnlyMedia(_ path: String) -> Bool {
    var info = statvfs()
    return statvfs(path, &info) == 0 && info.f_flag & UInt(ST_RDONLY) != 0
  }

  private static func privateCopy(of path: String, lock: String) throws -> DatabaseQueue {
    let files = FileManager.default
    let copy = files.temporaryDirectory.appendingPathComponent("cairn-index-\(randomID(bytes: 8))")
    try files.createDirectory(at: copy, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    // Open files outlive their names: nothing is left behind when the process ends.
    defer { try? files.removeItem(at: copy) }
    let file = copy.appendingPathComponent(fileName).path
    do {
      let shared = try FileLock.acquireShared(lock)
      defer { shared.release() }
      try files.copyItem(atPath: path, toPath: file)
      if files.fileExists(atPath: path + "-wal") { try files.copyItem(atPath: path + "-wal", toPath: file + "-wal") }
    }
    let queue = try DatabaseQueue(path: file)
    try queue.read { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
    return queue
  }
}
