/// What `verify` looks at.
public struct VerifyOptions: Sendable {
  /// Read every blob and check its digest; otherwise only that files are there and as long as they should be.
  public var readData = false
  /// Read only one of this many parts of the blobs: part 1 to `count`.
  public var subset: (part: Int, count: Int)?
  /// Write a new log from the index if the log is lost or damaged.
  public var repair = false
  /// Told how many bytes of how many have been read, from any thread.
  public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

  /// The quick look.
  public init() {}
}

/// What `verify` has found.
public struct VerifyReport: Sendable {
  /// Something that is not as it should be.
  public struct Problem: Sendable, Hashable {
    /// The file or the row.
    public var what: String
    /// What is wrong with it.
    public var problem: String
    /// The checkpoints that it hurts, as `path@version`, each with the tensors.
    public var hurts: [Hurt]
  }

  /// A checkpoint that is hurt.
  public struct Hurt: Sendable, Hashable {
    /// `path@version`
    public var checkpoint: String
    /// Names of tensors; empty if what is hurt is no tensor's (a skeleton, the manifest).
    public var tensors: [String]
  }

  /// Checkpoints looked at.
  public var checkpoints = 0
  /// Blobs looked at.
  public var blobs = 0
  /// Bytes of blobs that were read and checked.
  public var bytesRead = 0
  /// What is not as it should be.
  public var problems: [Problem] = []
  /// What was done about it.
  public var repaired: [String] = []
}
