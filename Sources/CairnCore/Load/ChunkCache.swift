import Synchronization

/// The content of the blob that was read last: many small reads within one blob read and check it once.
final class ChunkCache: Sendable {
  private let last = Mutex<(chunk: Int, content: [UInt8])?>(nil)

  func content(_ chunk: Int, _ read: () throws -> [UInt8]) throws -> [UInt8] {
    if let last = last.withLock({ $0 }), last.chunk == chunk { return last.content }
    let content = try read()
    last.withLock { $0 = (chunk, content) }
    return content
  }
}
