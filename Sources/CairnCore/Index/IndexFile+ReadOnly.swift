import Foundation
import GRDB

extension IndexFile {
  /// Opens the index where nothing can be written: SQLite cannot make the shared memory that a WAL needs there.
  ///
  /// Without a WAL the file is all there is, and cannot change (`immutable=1`); with one, a private copy is read.
  static func openOnReadOnlyMedia(_ path: String) throws -> Connection? {
    guard let before = try Files.status(path) else { return nil }
    let walSize = try Files.status(path + "-wal")?.size ?? 0
    var configuration = GRDB.Configuration()
    configuration.readonly = true
    if walSize == 0 {
      guard let name = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) else {
        throw CairnError(.invalid, "\(path): cannot be written as a URI")
      }
      let queue = try DatabaseQueue(path: "file:\(name)?immutable=1", configuration: configuration)
      return Connection(queue: queue, identity: before.identity)
    }
    let copy = FileManager.default.temporaryDirectory.appendingPathComponent("cairn-index-\(randomID(bytes: 8))")
    try FileManager.default.createDirectory(
      at: copy, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let file = copy.appendingPathComponent(fileName).path
    try FileManager.default.copyItem(atPath: path, toPath: file)
    try FileManager.default.copyItem(atPath: path + "-wal", toPath: file + "-wal")
    let queue = try DatabaseQueue(path: file)
    // Open files outlive their names: nothing is left behind when the process ends.
    try queue.read { _ = try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
    try FileManager.default.removeItem(at: copy)
    return Connection(queue: queue, identity: before.identity)
  }
}
