extension Repository {
  /// Copies the repository into a directory, consistently while it is in use; a second time only what is new.
  ///
  /// The copy is a repository of its own, with this one's id, at a length that the log has at some moment of the call:
  /// every checkpoint that was there then, whole. Killed at any moment, the directory holds what the last whole backup
  /// made it, and the next one goes on where this stopped; on a full disk, what was brought goes again. Files that the copy's log no longer names are removed from
  /// it. Its index is not copied, but follows the log by itself when the copy is next opened.
  ///
  /// - Parameter destination: A directory whose parent is there: new, empty, or with this repository's backup in it.
  ///
  /// Throws ``CairnError``: ``CairnError/Kind/alreadyExists`` if something else is in the directory,
  /// ``CairnError/Kind/invalid`` if it lies in the repository or around it, ``CairnError/Kind/diverged`` if what is
  /// there is no earlier state of this repository, ``CairnError/Kind/cancelled`` if it was stopped.
  public func backup(to destination: String, _ options: BackupOptions = BackupOptions()) throws -> BackupReport {
    try Backup(of: self, to: BackupDestination(destination, for: self), options).run()
  }
}
