import GRDB

/// What a move has done.
public struct MoveReport: Sendable {
  /// A checkpoint that got another name.
  public struct Moved: Sendable, Hashable {
    /// Its id.
    public var id: String
    /// What it was called.
    public var from: PathName
    /// What it is called now.
    public var to: PathName
  }

  /// The checkpoints that got another name, in the order of their versions.
  public var moved: [Moved]
  /// What went less than well although they were moved.
  public var warnings: [String]
}

extension Repository {
  /// Gives a path with all its versions, or `path@n` that one, another name. No content is touched.
  ///
  /// Versions of a path keep their numbers, unless the new name was used before and they are not all above the last number
  /// that was given there: then they go on after that, as the one version of a `path@n` does anyway. Under the old name no
  /// number is given again either. Pointer files name checkpoints by their ids, and go on to.
  ///
  /// Throws ``CairnError/Kind/alreadyExists`` if there are checkpoints, or a tag, of the new name,
  /// ``CairnError/Kind/invalid`` if `name` is a tag or `newPath` cannot be a name, and ``CairnError/Kind/notFound``.
  public func move(_ name: PathName, to newPath: String) throws -> MoveReport {
    try PathName.validate(newPath)
    guard !newPath.isExactly(name.path) else {
      throw CairnError(.invalid, "\(name): is called so already", advice: "choose another name")
    }
    let report = try locked { locked -> MoveReport? in
      guard let plan = try locked.index.read({ try MovePlan($0, name, newPath) }) else { return nil }
      return MoveReport(moved: plan.moved, warnings: try locked.commit(plan.entry) + plan.warnings)
    }
    if let report { return report }
    let record = try checkpoint(name)
    // Somebody has saved to the path only now.
    if record.path.isExactly(name.path) { return try move(name, to: newPath) }
    throw CairnError(.invalid, "\(name): a tag, of \(record.name)", advice: "name the checkpoint: \(record.name)")
  }
}

/// A move, decided with the lock held.
private struct MovePlan {
  var entry: LogEntry
  var moved: [MoveReport.Moved]
  var warnings: [String] = []

  /// Nil if there is nothing of that name.
  init?(_ db: Database, _ name: PathName, _ newPath: String) throws {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT c.uid, c.version, p.last_version,
          c.pointer_path IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.checkpoint_id = c.id)
        FROM checkpoint c JOIN path p ON p.id = c.path_id WHERE p.name = ? AND (? IS NULL OR c.version = ?) ORDER BY c.version
        """, arguments: [name.path, name.version, name.version])
    guard let first = rows.first else { return nil }
    try Self.requireFree(newPath, in: db)
    let given = try Int.fetchOne(db, sql: "SELECT last_version FROM path WHERE name = ?", arguments: [newPath]) ?? 0
    guard let shift = try Self.shift(first.value(1), after: given),
      try !shift.addingReportingOverflow(first.value(2)).overflow,
      given < .max
    else {
      throw CairnError(.invalid, "\(newPath): has no version numbers left", advice: "choose another name")
    }
    entry = try LogEntry(.moved, id: name.version == nil ? randomID() : first.value(0), by: .now())
    entry.path = name.path
    entry.newPath = newPath
    if name.version != nil {
      entry.version = try first.value(1)
      entry.newVersion = given + 1
    } else if shift > 0 {
      entry.shift = shift
    }
    let newVersion = entry.newVersion
    moved = try rows.map { row in
      try MoveReport.Moved(
        id: row.value(0), from: PathName(path: name.path, version: row.value(1)),
        to: PathName(path: newPath, version: newVersion ?? row.value(1) + shift))
    }
    // Whoever gives it a name of its own may think that it stays now.
    if try rows.contains(where: { try $0.value(3) }) {
      warnings.append(
        "\(newPath): a pointer file holds what was moved, and it goes with that, whatever it is called: tag it, or make a "
          + "copy of it with `cairn cp`, to keep it")
    }
  }

  /// What is added to the versions of a path, of which `lowest` is the first, so that all come after `given`; nil if that
  /// is too much. No more than it takes: it would add up with each move to and fro.
  private static func shift(_ lowest: Int, after given: Int) -> Int? {
    if lowest > given { return 0 }
    let (distance, overflow) = given.subtractingReportingOverflow(lowest)
    return overflow || distance == .max ? nil : distance + 1
  }

  private static func requireFree(_ name: String, in db: Database) throws {
    if try Repository.isPath(name, in: db) {
      throw CairnError(
        .alreadyExists, "\(name): there are checkpoints of this name",
        advice: "choose another name; `cairn cp` makes a new version of it")
    }
    try Repository.requireNoTag(calledLike: name, in: db)
  }
}
