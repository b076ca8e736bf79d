import GRDB

/// What `gc` has done.
public struct GarbageReport: Sendable {
  /// Files unlinked and their bytes.
  public var freed = Freed()
  /// Packs rewritten because less than half of them was needed.
  public var repackedPacks = 0
  /// Directories of writers that died.
  public var temporaryDirectories = 0
  /// Why less was done than could be.
  public var warnings: [String] = []
}

extension Repository {
  /// Frees everything that nothing references: what a removal or a death has left, blobs that no row names, sparse packs.
  ///
  /// A checkpoint whose manifest cannot be read stops it from unlinking blobs, since nobody can say which it needs;
  /// `force` goes on all the same.
  /// `progress` is told how many of the directories of blobs have been looked through.
  public func collectGarbage(force: Bool = false, progress: Progress? = nil) throws -> GarbageReport {
    var report = GarbageReport()
    // First: on a full disk it makes room for the rest.
    report.temporaryDirectories = try removeAbandonedDirectories()
    // Settled first: a manifest that could not be read may be back.
    try locked { _ in }
    try lookAgainAtIncomplete()
    let blocked = try !force && read { try Self.hasUnreadableManifest($0) }
    if blocked {
      report.warnings.append(Self.unreadableWarning)
    } else {
      report.freed = try sweep(force: force)
      report.repackedPacks = try rewriteSparsePacks()
      if report.repackedPacks > 0 { report.freed += try sweep(force: force) }
      report.freed += try unlinkUnnamed(force: force, progress)
      // Blobs that were found in packs of another name leave those that their rows named.
      report.freed += try sweep(force: force)
    }
    return report
  }

  static let unreadableWarning =
    "a checkpoint's manifest cannot be read, so nobody can say which blobs it needs: none is unlinked "
    + "(`cairn verify` names it; remove it, or use `cairn gc --force`)"

  /// Lists files without the lock and judges them in batches under it: what has no row goes.
  private func unlinkUnnamed(force: Bool, _ progress: Progress?) throws -> Freed {
    var freed = Freed()
    var batch: [ListedFile] = []
    func judge() throws {
      freed += try unlinkUnnamed(batch, force: force)
      batch = []
    }
    let names = BlobStore.directoryNames
    for (index, name) in names.enumerated() {
      progress?(index, names.count)
      let directory = "\(path)/blobs/\(name)"
      guard try Files.hasDirectory(directory) else { continue }
      for file in try Files.names(in: directory) {
        guard let stored = ListedFile(name: file, directory: directory) else { continue }
        batch.append(stored)
        if batch.count == Self.sweepBatch { try judge() }
      }
    }
    try judge()
    return freed
  }

  private func unlinkUnnamed(_ files: [ListedFile], force: Bool) throws -> Freed {
    if files.isEmpty { return Freed() }
    let moved = try locked { locked -> (directory: WriterDirectory?, freed: Freed) in
      let unnamed = try unnamed(files, force: force, locked)
      if unnamed.isEmpty { return (nil, Freed()) }
      let directory = try roomForVictims()
      var freed = Freed()
      for file in unnamed {
        guard let size = try Files.linkStatus(file.path)?.size else { continue }
        if let directory {
          guard try Files.renameIfThere(file.path, to: directory.path + "/" + file.name) else { continue }
        } else {
          try Files.unlink(file.path)
        }
        freed += Freed(files: 1, bytes: size)
      }
      return (directory, freed)
    }
    try moved.directory?.remove()
    return moved.freed
  }

  /// Those of `files` that no row needs.
  private func unnamed(_ files: [ListedFile], force: Bool, _ locked: LockedRepository) throws -> [ListedFile] {
    func choose(_ db: Database, pack isNeeded: (Digest) throws -> Bool) throws -> [ListedFile] {
      if try !force && Self.hasUnreadableManifest(db) { return [] }
      return try files.filter { file in
        if try file.hasRow(db) { return try file.isHealed(db, blobs) }
        return try file.ending != ".pack" || !isNeeded(file.digest)
      }
    }
    do {
      // An index that was made anew knows a pack only if it found a blob in it that it had not found elsewhere.
      return try locked.write { db in try choose(db) { try locked.rows(db).adopt($0) } }
    } catch let error where isNoSpace(error) {
      // What else goes makes room for looking into the packs the next time.
      return try locked.index.read { db in try choose(db) { _ in true } }
    }
  }

  /// Removes what writers that died have left in `tmp/`; returns how many directories.
  func removeAbandonedDirectories() throws -> Int {
    var removed = 0
    for name in try Files.names(in: path + "/tmp") {
      let directory = path + "/tmp/" + name
      guard try Files.linkStatus(directory)?.isDirectory == true else {
        // No writer makes one: what an `init` that died left, at the most.
        try locked { _ in try Files.unlink(directory) }
        continue
      }
      if try WriterDirectory.removeIfAbandoned(directory) { removed += 1 }
    }
    return removed
  }
}

/// A file under `blobs/` whose name is a digest, with what its ending says.
private struct ListedFile {
  var name: String
  var path: String
  var digest: Digest
  var ending: Substring

  init?(name: String, directory: String) {
    guard let digest = Digest(hex: name.prefix(2 * Digest.byteCount)) else { return nil }
    let ending = name.dropFirst(2 * Digest.byteCount)
    guard ["", ".zst", ".pack", ".bad", ".zst.bad", ".pack.bad"].contains(ending) else { return nil }
    self.name = name
    self.path = directory + "/" + name
    self.digest = digest
    self.ending = ending
  }

  /// Whether it was set aside as bad, and a good one is there.
  func isHealed(_ db: Database, _ blobs: BlobStore) throws -> Bool {
    guard ending == ".bad" || ending == ".zst.bad", let row = try BlobRow(digest, db) else { return false }
    return try blobs.ownFile(digest, length: row.size) != nil
  }

  /// Whether a row needs it. One that was set aside as bad is kept as long as its blob is needed and not healed: what
  /// is good in it may be all there is.
  func hasRow(_ db: Database) throws -> Bool {
    let table = ending.hasPrefix(".pack") ? "pack" : "blob"
    return try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE digest = ?)", arguments: [digest.data]) ?? false
  }
}

extension Freed {
  static func += (left: inout Freed, right: Freed) {
    left.files += right.files
    left.bytes += right.bytes
  }

  init(files: Int, bytes: Int) {
    self.files = files
    self.bytes = bytes
  }
}
