import CairnCore

/// What of a directory is saved, and how.
public struct WatchOptions: Sendable {
  /// Globs of the names of checkpoints; one with a slash in it is for the path below the directory.
  public var include = WatchOptions.checkpoints
  /// Globs of names that are left out all the same.
  public var exclude: [String] = []
  /// For how many seconds a file must not have changed.
  public var settle = 2.0
  /// Look at all files every so many seconds, instead of being told by the kernel; nil: only where that is not possible.
  public var poll: Double?
  /// Save what is there at the start too, unless the newest version of its name has the same content.
  public var includesExisting = true
  /// Save what is complete, and end.
  public var once = false
  /// Put a pointer to what was saved in the place of each PyTorch file.
  public var replaces = false
  /// Take the bytes as they are, without looking into them.
  public var opaque = false
  /// What is said of each checkpoint: its path, progress and cancellation are set for each.
  public var request = SaveRequest(path: "")
  /// Told what has been read of the file that is being saved, from any thread.
  public var progress: (@Sendable (_ file: String, _ done: Int, _ total: Int) -> Void)?

  /// The usual names of checkpoints.
  public static let checkpoints = ["*.ckpt", "*.pt", "*.pth", "*.safetensors"]
  /// How often a directory is looked at in which the kernel tells of no changes, in seconds.
  public static let defaultPoll = 10.0

  /// Makes options that are all at their defaults.
  public init() {}
}
