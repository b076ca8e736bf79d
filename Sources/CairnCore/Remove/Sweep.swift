import Foundation
import GRDB
import Synchronization

extension Repository {
  /// How many files leave their place while the lock is held once.
  static let sweepBatch = 4_096
  /// How many rows go meanwhile: those of blobs in packs have no file to be renamed, and each batch writes the pages of
  /// the index anew.
  static let sweepRows = 8 * sweepBatch

  /// Unlinks the files of rows at 0 and deletes the rows, in batches; returns what was freed.
  ///
  /// `force` goes on although a checkpoint's manifest cannot be read, and so nobody can say which blobs it needs.
  @discardableResult
  func sweep(force: Bool = false, progress: Progress? = nil) throws -> Freed {
    var freed = Freed()
    let done = Atomic(0)
    while true {
      guard let batch = try sweepOnce(force: force) else { return freed }
      // 1 to 3 ms each for 8 MiB: not with the lock held.
      let total = freed.files + batch.freed.files + batch.waiting
      try batch.directory?.remove { progress?(done.add(1, ordering: .relaxed).newValue, total) }
      freed += batch.freed
      // Rows that could not be deleted, on a full disk, are found again: once nothing more is freed, that is for later.
      if !batch.isLasting, batch.freed.files == 0 { return freed }
    }
  }

  private struct Batch {
    /// Where the files are that have yet to be unlinked; nil if they are gone.
    var directory: WriterDirectory?
    var freed: Freed
    /// How many more blobs wait.
    var waiting = 0
    /// Whether the index on disk says so.
    var isLasting: Bool
  }

  private func sweepOnce(force: Bool) throws -> Batch? {
    try locked { locked in
      let found = try locked.index.read { db -> Victims? in
        if try !force && Self.hasUnreadableManifest(db) { return nil }
        return try Victims(db, files: Self.sweepBatch, rows: Self.sweepRows)
      }
      guard var victims = found, !victims.isEmpty else { return nil }
      let all = try locked.index.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM blob WHERE refs = 0") ?? 0 }
      if victims.hasPacks {
        do {
          try locked.write { try victims.keepNeededPacks(locked.rows($0)) }
        } catch let error where isNoSpace(error) {
          victims.keepAllPacks()
        }
      }
      guard let directory = try roomForVictims() else { return try unlinkAtOnce(victims, locked) }
      let moved = try moveAway(victims.files(in: blobs), to: directory)
      let freed = Freed(files: moved.count, bytes: moved.reduce(0) { $0 + $1.size })
      do {
        try locked.write { try victims.deleteRows($0) }
        return Batch(
          directory: directory, freed: freed, waiting: max(0, all - victims.blobCount), isLasting: locked.isLasting)
      } catch let error where isNoSpace(error) {
        // The rows stay at 0; unlinking the files is what makes room for deleting them.
        return Batch(directory: directory, freed: freed, isLasting: false)
      } catch {
        // The rows stay at 0, and their files with them: whatever kept the rows from going may say that they are needed.
        for file in moved { try? Files.rename(file.to, to: file.from) }
        throw error
      }
    }
  }

  /// A directory to move files into; nil if the disk is too full even for that.
  func roomForVictims() throws -> WriterDirectory? {
    do {
      return try WriterDirectory(repository: path, modes: modes)
    } catch let error where isNoSpace(error) {
      return nil
    }
  }

  private func unlinkAtOnce(_ victims: Victims, _ locked: LockedRepository) throws -> Batch {
    var freed = Freed()
    for file in victims.files(in: blobs) where try Files.exists(file.path) {
      try Files.unlink(file.path)
      freed += Freed(files: 1, bytes: file.size)
    }
    do {
      try locked.write { try victims.deleteRows($0) }
      return Batch(freed: freed, isLasting: locked.isLasting)
    } catch let error where isNoSpace(error) {
      return Batch(freed: freed, isLasting: false)
    }
  }

  private func moveAway(
    _ files: [(path: String, size: Int)], to directory: WriterDirectory
  ) throws -> [(from: String, to: String, size: Int)] {
    try files.compactMap { file in
      let destination = directory.path + "/" + (file.path.split(separator: "/").last ?? "blob")
      guard try Files.renameIfThere(file.path, to: destination) else { return nil }
      return (file.path, destination, file.size)
    }
  }

  static func hasUnreadableManifest(_ db: Database) throws -> Bool {
    try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM manifest WHERE state > 0 AND state = 2 AND refs > 0)")
      ?? false
  }

  /// Sweeps after something was removed: a failure does not undo that, and is for the next sweep.
  func sweepReportingFailure() -> [String] {
    do {
      try sweep()
      return []
    } catch {
      return ["done, but freeing space failed (\(error)); `cairn gc` goes on with it"]
    }
  }
}

/// What a removal or a collection has freed.
public struct Freed: Sendable, Hashable {
  /// Files unlinked.
  public var files = 0
  /// Their bytes.
  public var bytes = 0

  /// Nothing.
  public init() {}
}

/// Rows at 0 that one batch takes: their files leave their place before the rows go.
struct Victims {
  private struct File {
    var id: Int64
    var digest: Digest
    var stored: Int
    var encodings: [BlobStore.Encoding]
  }

  private var blobs: [File] = []
  private var packs: [File] = []

  var isEmpty: Bool { blobs.isEmpty && packs.isEmpty }

  /// How many blobs' rows there are among them.
  var blobCount: Int { blobs.count }

  /// Takes rows until there are so many files, or so many rows.
  init(_ db: Database, files: Int, rows limit: Int) throws {
    let rows = try Row.fetchCursor(
      db, sql: "SELECT id, digest, stored, place FROM blob WHERE refs = 0 LIMIT ?", arguments: [limit])
    var (taken, ownFiles) = (0, 0)
    while ownFiles < files, let row = try rows.next() {
      taken += 1
      guard let digest = try Digest(bytes: row.value(1) as Data) else { continue }
      // Whatever form it is in: a raw file may lie beside a compressed one after a restore.
      let encodings: [BlobStore.Encoding] =
        try row.value(3) as Int == BlobRows.Place.pack.rawValue ? [] : [.raw, .zstd]
      if !encodings.isEmpty { ownFiles += 1 }
      try blobs.append(File(id: row.value(0), digest: digest, stored: row.value(2), encodings: encodings))
    }
    // A pack only once no row of a blob points to it any more.
    if taken < limit, ownFiles < files {
      let sql = """
        SELECT id, digest FROM pack WHERE refs = 0
          AND NOT EXISTS (SELECT 1 FROM blob WHERE pack_id = pack.id AND refs > 0) LIMIT ?
        """
      for row in try Row.fetchAll(db, sql: sql, arguments: [files - ownFiles]) {
        guard let digest = try Digest(bytes: row.value(1) as Data) else { continue }
        try packs.append(File(id: row.value(0), digest: digest, stored: 0, encodings: [.pack]))
      }
    }
  }

  var hasPacks: Bool { !packs.isEmpty }

  /// Lets packs stay that hold a blob which is needed and is nowhere else.
  mutating func keepNeededPacks(_ rows: BlobRows) throws {
    packs = try packs.filter { try !rows.adopt($0.digest) }
  }

  mutating func keepAllPacks() { packs = [] }

  func files(in store: BlobStore) -> [(path: String, size: Int)] {
    (blobs + packs).flatMap { file in
      file.encodings.map { encoding in
        let path = store.path(file.digest, encoding)
        let size = (try? Files.status(path)?.size) ?? file.stored
        return (path, size)
      }
    }
  }

  func deleteRows(_ db: Database) throws {
    let delete = try RapidStatement(db, "DELETE FROM blob WHERE id = ?")
    for blob in blobs {
      try delete.bind(1, blob.id)
      try delete.run()
    }
    for pack in packs {
      try db.cachedStatement(sql: "DELETE FROM blob WHERE pack_id = ? AND refs = 0").execute(arguments: [pack.id])
      try db.cachedStatement(sql: "DELETE FROM pack WHERE id = ?").execute(arguments: [pack.id])
    }
  }
}
