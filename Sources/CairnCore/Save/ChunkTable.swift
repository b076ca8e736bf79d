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

  /// Notes what tasks have come to. One call for many: with tiny tensors the workers would wait for each other otherwise.
  func setDigests(_ found: [(task: Int, digest: Digest, length: Int)]) {
    state.withLock { state in
      for item in found {
        state.digests[item.task] = item.digest
        state.lengths[item.digest] = item.length
      }
    }
  }

  /// Those of `digests` that a worker still has to find or write, and that this one now takes on; and which of these may
  /// be taken from the repository.
  func claim(_ digests: [Digest]) -> (claimed: Set<Digest>, reusable: Set<Digest>) {
    state.withLock { state in
      let claimed = Set(digests.filter { state.places[$0] == nil && state.claimed.insert($0).inserted })
      return (claimed, state.forced.isEmpty ? claimed : claimed.subtracting(state.forced))
    }
  }

  /// Whether a blob has been found or written.
  func isPlaced(_ digest: Digest) -> Bool { state.withLock { $0.places[digest] != nil } }

  func mayReuse(_ digest: Digest) -> Bool { state.withLock { !$0.forced.contains(digest) } }

  func isDurable(_ pack: Digest) -> Bool { state.withLock { $0.durablePacks.contains(pack) } }

  func setDurable(_ pack: Digest) { state.withLock { _ = $0.durablePacks.insert(pack) } }

  func setChecksums(_ checksums: [(Digest, UInt32)]) {
    state.withLock { state in
      for (digest, checksum) in checksums { state.checksums[digest] = checksum }
    }
  }

  func setPlaces(_ places: [(Digest, Place)]) {
    state.withLock { state in
      for (digest, place) in places { state.places[digest] = place }
    }
  }

  func addFile(_ file: WrittenFile) { state.withLock { $0.files[file.final] = file } }

  /// Adds small blobs to those that wait for a pack; gives back the packfuls that there are now.
  func addSmall(_ blobs: [(digest: Digest, bytes: [UInt8])], packSize: Int) -> [[(digest: Digest, bytes: [UInt8])]] {
    state.withLock { state in
      var full: [[(digest: Digest, bytes: [UInt8])]] = []
      for blob in blobs {
        if state.waitingBytes + blob.bytes.count > packSize {
          full.append(state.waiting)
          state.waiting = []
          state.waitingBytes = 0
        }
        state.waiting.append(blob)
        state.waitingBytes += blob.bytes.count
      }
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
