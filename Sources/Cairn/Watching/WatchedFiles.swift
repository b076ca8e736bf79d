import CairnCore

/// The files that are to be saved once they are complete, and those that need not be looked at again.
struct WatchedFiles {
  /// A file that waits.
  struct Waiting {
    var stamp: FileStamp
    /// When to look at it next.
    var due: ContinuousClock.Instant
    /// How often it was tried in vain as it is.
    var attempts = 0
    /// How often it was looked at and had changed.
    var changes = 0
  }

  private(set) var waiting: [ExactName: Waiting] = [:]
  private var done: [ExactName: FileStamp] = [:]

  /// A file was seen. It waits, unless it is as it was when it was done.
  mutating func see(_ path: String, _ stamp: FileStamp, due: ContinuousClock.Instant) {
    let name = ExactName(path)
    if let known = waiting[name], known.stamp == stamp { return }
    if waiting[name] == nil, done[name] == stamp { return }
    waiting[name] = Waiting(stamp: stamp, due: due, changes: waiting[name]?.changes ?? 0)
  }

  /// A file is to be looked at later.
  mutating func postpone(_ path: String, _ file: Waiting) { waiting[ExactName(path)] = file }

  /// A file as it is now need not be looked at again.
  mutating func finish(_ path: String, _ stamp: FileStamp?) {
    waiting[ExactName(path)] = nil
    done[ExactName(path)] = stamp
  }

  /// Forgets what is known of files that are not there any more.
  mutating func keep(_ isThere: (String) -> Bool) { done = done.filter { isThere($0.key.text) } }

  /// When the next of them is to be looked at.
  var nextDue: ContinuousClock.Instant? { waiting.values.map(\.due).min() }

  /// The files to be looked at now, those that were written first in front.
  func due(at now: ContinuousClock.Instant) -> [String] {
    waiting.filter { $0.value.due <= now }
      .sorted {
        let (one, other) = ($0.value.stamp, $1.value.stamp)
        return (one.seconds, one.nanoseconds, $0.key.text) < (other.seconds, other.nanoseconds, $1.key.text)
      }
      .map(\.key.text)
  }
}
