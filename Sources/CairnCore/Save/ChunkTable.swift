import Synchronization

/// What is known of the blobs of one save, shared by its workers.
final class ChunkTable: Sendable {
  /// Where a blob is, or will be once the save is committed.
  enum Place: Sendable, Hashable {
    /// In place already, in a file of its own.
    case ownFile
    /// In place already, in this pack.
    case pack(Digest)
    /// Written by this save as a file of its own.
    case written
    /// Written by this save, into this pack.
    case packed(Digest)
  }

  private struct State {
    /// By task.
    var digests: [Digest?]
    var places: [Digest: Place] = [:]
    var lengths: [Digest: Int] = [:]
    var checksums: [Digest: UInt32] = [:]
    /// How many large chunks were there already, and how many were not.
    var hits = 1
    var misses = 0
    /// Packs that this save reuses and has made durable.
    var durablePacks: Set<Digest> = []
    /// Being written by one of the workers.
    var claimed: Set<Digest> = []
    /// Not to be taken from the repository: looked up before, and gone since.
    var forced: Set<Digest> = []
    /// Small blobs that wait for a pack.
    var waiting: [(digest: Digest, bytes: [UInt8])] = []
    var waitingBytes = 0
    /// Files in the writer's directory, by the name they will have.
    var files: [String: WrittenFile] = [:]
  }

  /// A file that this save has written and not yet renamed into place.
  struct WrittenFile: Sendable {
    var temporary: String
    var final: String
  }

  private let state: Mutex<State>

  init(taskCount: Int) { state = Mutex(State(digests: Array(repeating: nil, count: taskCount))) }

  func setDigest(_ digest: Digest, ofTask task: Int, length: Int) {
    state.withLock {
      $0.digests[task] = digest
      $0.lengths[digest] = length
    }
  }

  /// Those of `digests` that a worker still has to find or write, and that this one now takes on.
  func claim(_ digests: [Digest]) -> Set<Digest> {
    state.withLock { state in
      Set(digests.filter { state.places[$0] == nil && state.claimed.insert($0).inserted })
    }
  }

  /// Whether a blob has been found or written.
  func isPlaced(_ digest: Digest) -> Bool { state.withLock { $0.places[digest] != nil } }

  func mayReuse(_ digest: Digest) -> Bool { state.withLock { !$0.forced.contains(digest) } }

  /// Whether so many chunks are there already that it pays to hash a further one where it lies, and copy and hash it once
  /// more if it is new.
  var expectsReuse: Bool { state.withLock { 4 * $0.misses < $0.hits } }

  func note(isReused: Bool) {
    state.withLock { state in
      if isReused { state.hits += 1 } else { state.misses += 1 }
    }
  }

  func isDurable(_ pack: Digest) -> Bool { state.withLock { $0.durablePacks.contains(pack) } }

  func setDurable(_ pack: Digest) { state.withLock { _ = $0.durablePacks.insert(pack) } }

  func setChecksum(_ checksum: UInt32, of digest: Digest) { state.withLock { $0.checksums[digest] = checksum } }

  func setPlace(_ place: Place, of digest: Digest) { state.withLock { $0.places[digest] = place } }

  func addFile(_ file: WrittenFile) { state.withLock { $0.files[file.final] = file } }

  /// Adds a small blob to those that wait for a pack; gives back a packful if there is one now.
  func addSmall(_ digest: Digest, _ bytes: [UInt8], packSize: Int) -> [(digest: Digest, bytes: [UInt8])] {
    state.withLock { state in
      var full: [(digest: Digest, bytes: [UInt8])] = []
      if state.waitingBytes + bytes.count > packSize {
        full = state.waiting
        state.waiting = []
        state.waitingBytes = 0
      }
      state.waiting.append((digest, bytes))
      state.waitingBytes += bytes.count
      return full
    }
  }

  /// What still waits for a pack.
  func takeSmall() -> [(digest: Digest, bytes: [UInt8])] {
    state.withLock { state in
      defer {
        state.waiting = []
        state.waitingBytes = 0
      }
      return state.waiting
    }
  }

  /// Forgets where blobs were that have gone since; returns the tasks that have to be done again.
  func forget(_ gone: Set<Digest>) -> [Int] {
    state.withLock { state in
      for digest in gone {
        state.places[digest] = nil
        state.claimed.remove(digest)
        state.forced.insert(digest)
      }
      var again: [Int] = []
      for (task, digest) in state.digests.enumerated() {
        if let digest, gone.contains(digest) {
          state.digests[task] = nil
          again.append(task)
        }
      }
      return again
    }
  }

  /// All that the workers have found, once they are through.
  func result() -> (
    digests: [Digest?], places: [Digest: Place], lengths: [Digest: Int], checksums: [Digest: UInt32],
    files: [WrittenFile]
  ) {
    state.withLock { ($0.digests, $0.places, $0.lengths, $0.checksums, Array($0.files.values)) }
  }
}
