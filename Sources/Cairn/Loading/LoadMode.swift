/// How tensors' bytes come into memory.
public enum LoadMode: Sendable {
  /// Copied into memory of their own, and checked against their digests.
  case copied
  /// Mapped copy-on-write from the repository's files where that is possible: at once, and without a check. Writing to
  /// a loaded tensor never reaches the repository, and removing the checkpoint does not take the bytes away.
  case mapped
}
