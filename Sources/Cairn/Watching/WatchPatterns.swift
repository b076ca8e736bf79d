import Glibc

/// Which files in a watched directory are checkpoints, by their names.
struct WatchPatterns: Sendable {
  var include: [String]
  var exclude: [String]

  /// Whether a file is one to be saved; `path` is relative to the directory.
  ///
  /// A pattern with a slash in it is one for the whole path, any other for the last part.
  func match(_ path: String) -> Bool {
    guard !Self.isTemporary(path) else { return false }
    return include.contains { Self.match($0, path) } && !exclude.contains { Self.match($0, path) }
  }

  /// Whether the name is one that writers give to what is not complete yet.
  static func isTemporary(_ path: String) -> Bool {
    let name = lastPart(of: path)
    return name.hasPrefix(".") || name.contains(".tmp") || name.contains(".part")
  }

  private static func match(_ pattern: String, _ path: String) -> Bool {
    pattern.contains("/")
      ? fnmatch(pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0
      : fnmatch(pattern, lastPart(of: path), FNM_PERIOD) == 0
  }

  private static func lastPart(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }
}
