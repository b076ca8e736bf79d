/// What a backup has done.
public struct BackupReport: Sendable {
  /// Files and their bytes.
  public struct Amount: Sendable, Hashable {
    /// How many files.
    public var files = 0
    /// How many bytes they have.
    public var bytes = 0

    /// Nothing.
    public init() {}

    mutating func add(_ size: Int) {
      files += 1
      bytes = bytes.adding(size)
    }
  }

  /// A file that the backup lacks, because the repository lacks it.
  public struct Problem: Sendable, Hashable {
    /// The file in the repository.
    public var path: String
    /// What is wrong with it.
    public var problem: String
    /// Which checkpoints need it, as `path@version`.
    public var checkpoints: [String]
  }

  /// The directory of the backup: a repository of its own.
  public var path = ""
  /// How many checkpoints are in it.
  public var checkpoints = 0
  /// To which length of the repository's log it goes, in bytes.
  public var logBytes = 0
  /// All blobs, packs and manifests in it.
  public var total = Amount()
  /// Those that were in it before.
  public var reused = Amount()
  /// Those that came as further names of the repository's files.
  public var linked = Amount()
  /// Those that came as files which share their blocks with the repository's.
  public var cloned = Amount()
  /// Those that came as copies.
  public var copied = Amount()
  /// Those that a dry run did not bring.
  public var pending = Amount()
  /// Those that were no longer needed and are gone; in a dry run, would go.
  public var removed = Amount()
  /// What the repository itself lacks, so that the backup lacks it too. Nothing is removed from a backup then.
  public var problems: [Problem] = []
  /// What went less than well although the backup is whole.
  public var warnings: [String] = []

  /// Those that were not in it before; in a dry run, would not be.
  public var new: Amount {
    var sum = Amount()
    for part in [linked, cloned, copied, pending] {
      sum.files += part.files
      sum.bytes = sum.bytes.adding(part.bytes)
    }
    return sum
  }
}
