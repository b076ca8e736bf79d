import GRDB

/// Paths and tags are looked for in this order: a tag that is called as a path is would never be found.
extension Repository {
  /// Throws ``CairnError/Kind/alreadyExists`` if there are checkpoints of a path that is called as a tag is to be.
  static func requireNoPath(calledLike tag: String, in db: Database) throws {
    guard try isPath(tag, in: db) else { return }
    throw CairnError(
      .alreadyExists, "\(tag): there are checkpoints of this name, which would be found instead of the tag's",
      advice: "choose another tag")
  }

  /// Throws ``CairnError/Kind/alreadyExists`` if there is a tag that is called as a path is to be.
  static func requireNoTag(calledLike path: String, in db: Database) throws {
    guard try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM tag WHERE name = ?)", arguments: [path]) == true
    else { return }
    throw CairnError(
      .alreadyExists, "\(path): is a tag, which would no longer be found",
      advice: "choose another name, or take the tag away with `cairn tag --delete`")
  }

  static func isPath(_ name: String, in db: Database) throws -> Bool {
    try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM checkpoint c JOIN path p ON p.id = c.path_id WHERE p.name = ?)",
      arguments: [name]) == true
  }

  /// Throws ``CairnError/Kind/alreadyExists`` if a save would give a path the name of a tag, or a tag that of a path.
  ///
  /// A path that has checkpoints goes on getting versions, whatever tags an older Cairn has let come beside it: a trainer
  /// that has saved there before must not fail.
  static func requireDistinctNames(_ request: SaveRequest, in db: Database) throws {
    for tag in request.tags {
      guard !tag.isExactly(request.path) else {
        throw CairnError(
          .alreadyExists, "\(tag): is the path itself, which would be found instead of the tag",
          advice: "choose another tag")
      }
      try requireNoPath(calledLike: tag, in: db)
    }
    if try !isPath(request.path, in: db) { try requireNoTag(calledLike: request.path, in: db) }
  }

  /// The same before a long save, as far as it can be seen without the lock; what is in the way of looking is for later.
  func refuseCollisions(_ request: SaveRequest) throws {
    do {
      // As the index is: settling it would wait for whoever has the lock now. It is settled if it speaks against the save.
      guard let index = try readerConnection() else { return }
      do {
        return try index.queue.read { try Self.requireDistinctNames(request, in: $0) }
      } catch let error as CairnError where error.kind == .alreadyExists {
        try read { try Self.requireDistinctNames(request, in: $0) }
      }
    } catch let error as CairnError where error.kind == .alreadyExists {
      throw error
    } catch {
      logger.debug("whether names collide is seen at the end of the save: \(error)")
    }
  }
}
