/// A rule of the protocol that can be broken, to see that the model notices.
enum ModelRule: CaseIterable {
  /// A row with count 0 is not trusted: its file may have left its place.
  case rowsAtZeroAreNotTrusted
  /// With the lock held a saver looks again at what it reuses.
  case reusedBlobsAreLookedAtAgain
  /// The files that are reused are fsynced.
  case reusedFilesAreSynced
  /// The directories of all blobs that a line names are fsynced before it.
  case directoriesAreSynced
  /// A file's content is fsynced before it gets its name.
  case contentsAreSynced
  /// The line comes after the blobs.
  case lineFollowsBlobs
  /// The line is fsynced before anybody is told, and before the index follows.
  case lineIsSynced
  /// A blob leaves its place after the line that took its last reference.
  case blobsGoAfterTheLine
  /// A sweep settles the index under the lock each time.
  case sweepsSettle
  /// `gc` judges what it has listed by rows that are there when it holds the lock.
  case collectorLooksAgain
  /// Lines that the index has not applied are written and fsynced once more before anything is done on their word.
  case tailIsWrittenAgain
  /// Making the index anew does so with the last line.
  case rebuildWritesLastLine
  /// A complete line is never cut off, also if its fsync has failed.
  case completeLinesStay
  /// A torn last line is cut off before the next one is written.
  case tornLinesAreCut
  /// An index whose chain is not the log's is made anew.
  case chainIsCompared
  /// Everything that changes the log or blobs' places happens with the lock held.
  case lockIsTaken
}

/// What a process of the model does.
enum ModelRole: Hashable {
  case saver(Int, replacing: Int?)
  case remover(Int)
  case collector
  case reindexer
}

/// A process: where it is, what it knows.
struct ModelProcess: Hashable {
  enum Place: UInt8 {
    case idle
    // A saver has looked up what it reuses; has the lock; has renamed; has made the names durable.
    case wrote, locked, renamed
    // A line: about to be appended, appended, durable, failed to be.
    case appending, appended, durable, cutting
    // A sweep: about to take the lock; files moved, rows still there.
    case sweeping, moved
    case done, dead, open, failed
  }

  var place = Place.idle
  /// The blobs that it reuses; those that it has listed; those that it has moved.
  var blobs: UInt8 = 0
  /// Its line is durable as far as it has been told.
  var isCommitted = false
  /// It has begun to remove what it removes.
  var hasBegun = false
  /// Nobody else was at work when it listed.
  var isAlone = false

  var hasEnded: Bool { place.rawValue >= Place.done.rawValue }
}

/// The disk, the kernel's memory, and all processes at one moment.
struct ModelState: Hashable {
  /// The log as processes see it.
  var log = ModelLog()
  /// Whether half a line follows it.
  var isTorn = false
  /// The logs that a power loss may leave, sorted.
  var durable: [ModelLog] = []
  /// Whether an fsync of the log would write anything.
  var isDirty = false
  var index: ModelIndex?
  /// Which blobs are there; of which it is not certain that their entries, or contents, would survive a power loss.
  var visible: UInt8 = 0
  var unsureEntries: UInt8 = 0
  var unsureContents: UInt8 = 0
  /// Who has the lock.
  var lock: Int?
  /// Whether the index was replaced while it was held: what its holder writes is lost.
  var isIndexSwapped = false
  /// How often the index may yet be replaced, an fsync fail, the power be lost.
  var replacements = 0
  var failures = 0
  var losses = 0
  var processes: [ModelProcess]

  mutating func setEntry(_ blob: Int, visible isVisible: Bool) {
    let bit: UInt8 = 1 << UInt8(blob)
    if (visible & bit != 0) != isVisible { unsureEntries |= bit }
    visible = isVisible ? visible | bit : visible & ~bit
  }

  /// Something is done to the log that is not durable yet.
  mutating func change(_ log: ModelLog) {
    self.log = log
    durable = Array(Set(durable + [log])).sorted()
    isDirty = true
  }

  /// An fsync of the log that says that it has succeeded.
  mutating func syncLog() {
    // One after a failed one writes nothing: the pages are called clean.
    if isDirty { durable = [log] }
    isDirty = false
  }
}

/// What is there, who does what, and what may go wrong.
struct ModelScenario {
  var needs: [[Int]] = [[0, 2], [0, 1], [1, 2]]
  var saved: [Int] = [0]
  var roles: [ModelRole]
  var replacements = 0
  var failures = 0
  var losses = 1
  /// Blobs that were copied in by a restore: nobody has fsynced them. What needed them then has no promise.
  var unsynced: UInt8 = 0
  /// The log of a copy of the repository, of which an index may be put in the place of this one's.
  var foreign: ModelLog?
  var broken: Set<ModelRule> = []

  func keeps(_ rule: ModelRule) -> Bool { !broken.contains(rule) }

  func hasPromise(_ checkpoint: Int) -> Bool {
    !saved.contains(checkpoint) || mask(checkpoint) & unsynced == 0
  }

  func mask(_ checkpoint: Int) -> UInt8 { needs[checkpoint].reduce(0) { $0 | 1 << UInt8($1) } }

  var start: ModelState {
    var state = ModelState(processes: roles.map { _ in ModelProcess() })
    for checkpoint in saved {
      state.log = state.log.appending(.saved(checkpoint, replacing: nil))
      state.visible |= mask(checkpoint)
    }
    state.visible |= unsynced
    state.unsureEntries = unsynced
    state.unsureContents = unsynced
    state.durable = [state.log]
    state.index = ModelIndex().following(state.log, needs)
    (state.replacements, state.failures, state.losses) = (replacements, failures, losses)
    return state
  }
}
