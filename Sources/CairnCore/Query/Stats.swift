import Foundation
import GRDB

/// How much there is in a repository, and how much of it is shared.
public struct RepositoryStats: Sendable, Hashable {
  /// Checkpoints that are listed.
  public var checkpoints: Int
  /// Runs that have begun.
  public var runs: Int
  /// Tensors that are different from each other.
  public var tensors: Int
  /// Blobs that are referenced.
  public var blobs: Int
  /// The bytes of all checkpoints, as if each were a file of its own.
  public var logicalBytes: Int
  /// The bytes of the files under `blobs/` that are referenced.
  public var storedBytes: Int
  /// The bytes of the index and the log.
  public var indexBytes: Int
  /// Bytes of the files of blobs and packs that nothing references any more: what `gc` would free.
  public var unreferencedBytes: Int
  /// Checkpoints of which something is missing.
  public var incomplete: Int
}

extension Repository {
  /// Adds up what there is, from the index alone.
  ///
  /// Its sums are SQLite's `total()`: `sum()` fails where sizes that a damaged index may have add up to more than there
  /// can be.
  public func stats() throws -> RepositoryStats {
    let packBytes = try bytesOfPacks("refs > 0")
    let unreferencedPackBytes = try bytesOfPacks("refs = 0")
    let files =
      try [IndexFile.fileName, IndexFile.fileName + "-wal", Log.fileName].reduce(0) {
        $0 + (try Files.status(path + "/" + $1)?.size ?? 0)
      }
    return try read { db in
      func number(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
      return RepositoryStats(
        checkpoints: try number("SELECT count(*) FROM checkpoint"),
        runs: try number("SELECT count(*) FROM run"),
        tensors: try number("SELECT count(*) FROM tensor WHERE refs > 0"),
        blobs: try number("SELECT count(*) FROM blob WHERE refs > 0"),
        logicalBytes: try number(
          "SELECT cast(total(m.size) AS INTEGER) FROM checkpoint c JOIN manifest m ON m.id = c.manifest_id"),
        storedBytes: try number("SELECT cast(total(stored) AS INTEGER) FROM blob WHERE refs > 0 AND place <> 2")
          .adding(packBytes),
        indexBytes: files,
        unreferencedBytes: try number("SELECT cast(total(stored) AS INTEGER) FROM blob WHERE refs = 0 AND place <> 2")
          .adding(unreferencedPackBytes),
        incomplete: try number(
          "SELECT count(*) FROM checkpoint c JOIN manifest m ON m.id = c.manifest_id WHERE m.state > 0"))
    }
  }

  /// The index does not keep how large packs are.
  private func bytesOfPacks(_ condition: String) throws -> Int {
    let packs = try read { db in
      try Data.fetchAll(db, sql: "SELECT digest FROM pack WHERE \(condition)")
    }
    return try packs.compactMap { Digest(bytes: $0) }.reduce(0) {
      $0.adding(try Files.status(blobs.path($1, .pack))?.size ?? 0)
    }
  }
}
