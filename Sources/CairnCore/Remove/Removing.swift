import GRDB

extension Repository {
  /// What a removal has done.
  public struct Removal: Sendable {
    /// The checkpoints that are gone now, as `path@version`.
    public var removed: [String]
    /// What was freed by this process.
    public var freed: Freed
    /// What went less than well although they were removed.
    public var warnings: [String]
    /// Those that were to go and stay, since tags hold them, and these tags.
    public var tagged: [(name: String, tags: [String])] = []

    /// Makes one from its parts.
    public init(removed: [String] = [], freed: Freed = Freed(), warnings: [String] = []) {
      self.removed = removed
      self.freed = freed
      self.warnings = warnings
    }
  }

  /// Removes all versions of a path, or `path@n` that one, and frees the bytes that nothing else holds.
  ///
  /// When this returns, they never come back. Of something that is not there nothing is removed; what an earlier
  /// removal may have left is freed all the same.
  public func remove(_ name: PathName) throws -> Removal { try remove([name]) }

  /// Removes what all the names name; see ``remove(_:)-(PathName)``. `progress` is told how many files have been unlinked.
  public func remove(_ names: [PathName], progress: Progress? = nil) throws -> Removal {
    try remove(progress: progress) { db in
      try names.flatMap { name in
        try Removable.fetch(
          db,
          sql: """
            SELECT c.uid, p.name || '@' || c.version FROM checkpoint c JOIN path p ON p.id = c.path_id
            WHERE p.name = ? AND (? IS NULL OR c.version = ?) ORDER BY c.version
            """, arguments: [name.path, name.version, name.version])
      }
    }
  }

  /// Removes the checkpoints with these ids; see ``remove(_:)-(PathName)``.
  ///
  /// - Parameter keepingTagged: Those with tags stay: it is looked for tags when the repository's lock is held, so that
  ///   none which comes meanwhile is passed over.
  public func remove(ids: [String], keepingTagged: Bool = false) throws -> Removal {
    var tagged: [(name: String, tags: [String])] = []
    var removal = try remove { db in
      tagged = []
      return try ids.compactMap { id in
        guard let record = try Self.checkpoint(id: id, in: db) else { return nil }
        guard keepingTagged, !record.tags.isEmpty else { return Removable(id: id, name: record.name) }
        tagged.append((record.name, record.tags))
        return nil
      }
    }
    removal.tagged = tagged
    return removal
  }

  /// Removes the checkpoints whose ids and names `find` gives, asked with the lock held.
  func remove(
    progress: Progress? = nil, _ find: (Database) throws -> [Removable]
  ) throws -> Removal {
    var warnings: [String] = []
    let removed = try locked { locked in
      var seen: Set<String> = []
      let rows = try locked.index.read { try find($0) }.filter { seen.insert($0.id).inserted }
      warnings += try locked.commitRemoval(of: rows.map(\.id))
      return rows.map(\.name)
    }
    // Also if it was gone already: whoever removed it may have died before this.
    do {
      let freed = try sweep(progress: progress)
      if try read({ try Self.hasUnreadableManifest($0) }) { warnings.append(Self.unreadableWarning) }
      return Removal(removed: removed, freed: freed, warnings: warnings)
    } catch {
      warnings.append("removed, but freeing space failed (\(error)); `cairn gc` goes on with it")
      return Removal(removed: removed, freed: Freed(), warnings: warnings)
    }
  }
}

/// A checkpoint that is to be removed: its id, and what it is called.
struct Removable {
  var id: String
  var name: String

  /// Those that a query gives, ids first.
  fileprivate static func fetch(_ db: Database, sql: String, arguments: StatementArguments) throws -> [Removable] {
    try Row.fetchAll(db, sql: sql, arguments: arguments).map { try Removable(id: $0.value(0), name: $0.value(1)) }
  }
}
