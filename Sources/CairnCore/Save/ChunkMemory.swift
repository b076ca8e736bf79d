import Crypto
import Foundation
import Synchronization

/// What tells a chunk from all others within this process.
struct ChunkFingerprint: Sendable, Hashable {
  /// Of the tags of its pieces.
  var digest: Digest
  var length: Int
}

/// The chunks that earlier saves of this process have hashed, so that a chunk that has not changed since is known
/// again for less than a tenth of what SHA-256 costs.
///
/// The fingerprint is the SHA-256 of its pieces' tags. A tag is a GMAC (NIST SP 800-38D) under a random key that never
/// leaves the process, as no tag does: what remains of it is a universal hash (Carter and Wegman, 1981). Whatever two
/// chunks of up to 64 MiB hold, all their tags are the same with a probability below 2^-100, over the choice of the key,
/// and nobody can choose bytes to suit a key and tags that he never sees. So a digest that is found here is as certain as
/// one that was calculated.
final class ChunkMemory: Sendable {
  /// Shorter chunks are hashed as fast as they are looked up.
  static let minimumLength = 64 * 1024
  /// How many bytes have a tag; the last piece of a chunk may be shorter. A core's cache holds one, so that its tag is
  /// calculated while it is there, on its way from somewhere else.
  static let pieceLength = 512 * 1024
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

  /// Holds up to twice as many chunks as `capacity`, each for some 100 bytes: unless it says otherwise, those of states
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
    var fingerprint = Fingerprinting(self)
    fingerprint.add(bytes)
    return fingerprint.finish()
  }

  /// The fingerprint of a chunk, piece by piece.
  struct Fingerprinting {
    private let memory: ChunkMemory
    private var tags: [UInt8] = []
    private var length = 0
    private var hasFailed = false

    init(_ memory: ChunkMemory) { self.memory = memory }

    /// Adds the next bytes: whole pieces, unless they are the last.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
      for start in stride(from: 0, to: bytes.count, by: pieceLength) {
        add(piece: UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(pieceLength)))
      }
    }

    private mutating func add(piece: UnsafeRawBufferPointer) {
      // The same nonce each time: tags that nobody sees give nothing away, and equal bytes must have equal ones.
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      guard
        let sealed = try? AES.GCM.seal(nothing, using: memory.key, nonce: memory.nonce, authenticating: piece)
      else {
        hasFailed = true
        return
      }
      tags += sealed.tag
      length += piece.count
    }

    /// The fingerprint of what was added; nil if it could not be calculated.
    func finish() -> ChunkFingerprint? {
      hasFailed ? nil : tags.withUnsafeBytes { ChunkFingerprint(digest: Digest(hashing: $0), length: length) }
    }
  }
}
