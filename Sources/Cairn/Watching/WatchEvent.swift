import CairnCore

/// Something that happened in a watched directory. Files are paths as the directory was given.
public enum WatchEvent: Sendable {
  /// It begins. `polling` is how often all files are looked at, in seconds; nil: the kernel tells of changes.
  case watching(directory: String, polling: Double?)
  /// The kernel cannot tell of changes any more, or not here: all files are looked at every so many seconds.
  case polling(every: Double, reason: String)
  /// The kernel has lost track of changes: all files were looked at.
  case rescanned
  /// A file was saved.
  case saved(file: String, SaveReport)
  /// A file is what the newest version of its name is already.
  case unchanged(file: String, name: String)
  /// A file is not complete, or changed while it was read; it is tried again later.
  case waiting(file: String, reason: String)
  /// A file could not be saved; unless `isFinal`, it is tried again later.
  case failed(file: String, CairnError, isFinal: Bool)
  /// A pointer was put in a file's place.
  case replaced(file: String, name: String)
  /// A file was saved, and stays as it is although it was to be replaced.
  case kept(file: String, reason: String)
  /// A file, or a directory, is not looked at.
  case ignored(file: String, reason: String)
  /// A file went before it was saved.
  case gone(file: String)
  /// It ends: how many files were saved, and how many were not although they should have been.
  case stopped(saved: Int, failed: Int)
}
