import CairnSystem

extension Repository {
  /// Tells SQLite that it serves this program alone, as in the command line and the C library: its memory is then counted
  /// without the lock that takes a tenth of the time of a save of very many tensors. To be called before a repository is
  /// opened.
  package static func ownSQLite() { _ = isOwned }

  private static let isOwned: Void = cairn_sqlite_own()
}
