import Glibc

/// The log of a backup: compared with the repository's, and replaced by a longer beginning of it.
struct BackupLog {
  /// How a backup's log stands to a length of the repository's.
  enum Standing {
    /// It is shorter.
    case behind
    /// It has just that length.
    case same
    /// It is longer, and what more it has the repository's log has too: another backup was faster.
    case ahead
    /// It is damaged or of another history, and is to be replaced all the same: it is asked for, or nothing is lost.
    case foreign
  }

  let source: Repository
  let target: Repository
  let force: Bool

  /// Throws if the backup's log is damaged, or no beginning of the repository's.
  func standing(to position: Log.Position, of history: LogHistory) throws -> Standing {
    let own: LogHistory
    do {
      own = try LogHistory(of: target.path)
    } catch let error as CairnError where error.kind == .damaged {
      if force { return .foreign }
      throw CairnError(
        .damaged, error.message,
        advice: "make the backup in another directory; or see what of this one is good with "
          + "`cairn verify --repair --repo \(target.path)`; --force puts this repository's log in its place")
    }
    // Another backup may have put in place what the repository's log has got since it was read.
    guard try history.contains(own.end) || LogHistory(of: source.path).contains(own.end) else {
      if force || own.addsNothing(to: history) { return .foreign }
      throw Self.diverged(target.path, source.path, isAhead: own.contains(history.end))
    }
    if own.end.bytes == position.bytes { return .same }
    return own.end.bytes < position.bytes ? .behind : .ahead
  }

  private static func diverged(_ target: String, _ source: String, isAhead: Bool) -> CairnError {
    let what =
      isAhead
      ? "\(target): has all that \(source) has, and more: something was saved into the backup, "
        + "or the repository was put back to an earlier state"
      : "\(target): is no earlier state of \(source): something was saved into the backup, "
        + "or one of their logs was made anew by a repair"
    return CairnError(
      .diverged, what,
      advice: "look at both with `cairn log`; make the backup in another directory, or use --force: what only "
        + "\(target) has is lost then")
  }

  /// Puts the repository's log up to `position` in the place of the backup's, durably. Everything that it names is
  /// durable. With the backup's lock held.
  func replace(with history: LogHistory, upTo position: Log.Position, _ standing: Standing) throws {
    if standing == .foreign {
      // It may have come further than the new log, which would then pass for one that was cut off.
      for ending in ["", "-wal", "-shm", "-journal"] { try Files.unlink(target.indexPath + ending) }
      try Files.syncDirectory(target.path)
    }
    let directory = try WriterDirectory(repository: target.path, modes: target.modes)
    let temporary = directory.path + "/" + Log.fileName
    let file = try OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: target.modes.file)
    try file.setMode(target.modes.file)
    try history.prefix(position).withUnsafeBytes { try file.write($0, at: 0) }
    try file.sync()
    try Files.rename(temporary, to: target.logPath)
    do {
      try Files.syncDirectory(target.path)
    } catch {
      throw CairnError(
        .outcomeOpen, "\(target.logPath): was put in place, but making that durable failed (\(error))",
        advice: "make the backup again once the disk works")
    }
    try directory.remove()
  }
}
