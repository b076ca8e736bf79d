/// How a backup is made.
public struct BackupOptions: Sendable {
  /// How files come into the backup.
  public enum Method: String, Sendable, CaseIterable {
    /// As further names of the same files where the filesystem allows it, else by sharing their blocks (reflink), else
    /// as copies. Costs no space and no reading; what damages a file on the disk then damages both.
    case link
    /// As bytes of their own, always. Each file's digest is checked while it is read.
    case copy
  }

  /// How files come into the backup.
  public var method = Method.link
  /// Replace the backup's log although it is damaged, or says what the repository's does not: what only the backup has
  /// is lost.
  public var force = false
  /// Change nothing; only say what would be new.
  public var dryRun = false
  /// Told how many bytes of how many are in the backup, from any thread.
  public var progress: Repository.Progress?
  /// Asked again and again, from any thread; once it says yes, the backup stops with ``CairnError/Kind/cancelled``.
  public var isCancelled: (@Sendable () -> Bool)?

  /// Links where possible, and asks nobody.
  public init() {}

  func checkCancelled(_ destination: String) throws {
    guard isCancelled?() == true else { return }
    throw CairnError(
      .cancelled, "\(destination): the backup was stopped",
      advice: "it still is what the last whole backup made it; the next one goes on where this stopped")
  }
}
