import Crypto
import Foundation
import Synchronization

/// What tells a chunk from all others within this process.
struct ChunkFingerprint: Sendable, Hashable {
  var tag: (UInt64, UInt64)
  var length: Int

  static func == (left: Self, right: Self) -> Bool { left.tag == right.tag && left.length == right.length }

  func hash(into hasher: inout Hasher) { hasher.combine(tag.0) }
}

/// The chunks that earlier saves of this process have hashed, so that a chunk that has not changed since is known
/// again for less than a tenth of what SHA-256 costs.
///
/// The fingerprint is a GMAC (NIST SP 800-38D) under a random key that never leaves the process, as are all tags: what
/// remains of it is a universal hash (Carter and Wegman, 1981). Whatever two chunks of up to 64 MiB hold, they have the
/// same fingerprint with a probability below 2^-100, over the choice of the key, and nobody can choose bytes to suit a
/// key and tags that he never sees. So a digest that is found here is as certain as one that was calculated.
final class ChunkMemory: Sendable {
  /// Shorter chunks are hashed as fast as they are looked up.
  static let minimumLength = 64 * 1024
  /// Entries in each of the two halves.
  private let capacity: Int

  private struct State {
    var recent: [ChunkFingerprint: Digest] = [:]
    /// What was in ``recent`` before that was full: forgotten next unless it occurs again.
    var older: [ChunkFingerprint: Digest] = [:]
  }

  private let key = SymmetricKey(size: .bits128)
  private let nonce = AES.GCM.Nonce()
  private let state = Mutex(State())

  /// Holds up to twice as many chunks as `capacity`, each for some 80 bytes: unless it says otherwise, those of states
  /// of 500 GB at 8 MiB a chunk.
  init(capacity: Int = 1 << 16) { self.capacity = capacity }

  /// Whether there is nothing to be known again.
  var isEmpty: Bool { state.withLock { $0.recent.isEmpty } }

  /// The digest of the bytes that had this fingerprint; nil if none are known that had.
  func digest(of fingerprint: ChunkFingerprint) -> Digest? {
    state.withLock { state in
      if let digest = state.recent[fingerprint] { return digest }
      guard let digest = state.older[fingerprint] else { return nil }
      add(fingerprint, digest, to: &state)
      return digest
    }
  }

  /// Notes what bytes came to. Both must have been calculated from the same copy of them, which nobody changes.
  func remember(_ fingerprint: ChunkFingerprint, _ digest: Digest) {
    state.withLock { add(fingerprint, digest, to: &$0) }
  }

  private func add(_ fingerprint: ChunkFingerprint, _ digest: Digest, to state: inout State) {
    if state.recent.count >= capacity {
      state.older = state.recent
      state.recent = [:]
    }
    state.recent[fingerprint] = digest
  }

  /// The fingerprint of bytes, which may be changing meanwhile: then it is that of none that were ever there, most
  /// likely. Nil if it cannot be calculated.
  func fingerprint(of bytes: UnsafeRawBufferPointer) -> ChunkFingerprint? {
    // The same nonce each time: tags that nobody sees give nothing away, and equal bytes must have equal ones.
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    guard let tag = try? AES.GCM.seal(nothing, using: key, nonce: nonce, authenticating: bytes).tag else { return nil }
    return tag.withUnsafeBytes {
      ChunkFingerprint(
        tag: ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
        length: bytes.count)
    }
  }
}
