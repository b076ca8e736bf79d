import Cairn
import Foundation
import Synchronization

@testable import CairnCore

extension Repository {
  /// Does something while another process, so to speak, holds the lock, which after a while tags a checkpoint (or says
  /// metrics of it instead) and lets go: what was seen before the lock was taken is not so any more.
  func tagging<Result: Sendable>(
    _ id: String, metrics: [String: Double]? = nil, whileWaiting time: Duration,
    _ body: @escaping @Sendable (Repository) throws -> Result
  ) throws -> Result {
    let other = try Repository(opening: path)
    let waiting = Waiting { try body(other) }
    try locked { locked in
      waiting.begin()
      let (seconds, attoseconds) = time.components
      Thread.sleep(forTimeInterval: Double(seconds) + Double(attoseconds) / 1e18)
      var entry = LogEntry(metrics == nil ? .tagged : .annotated, id: id, by: .now())
      if let metrics { entry.metrics = metrics } else { entry.tags = ["keep"] }
      _ = try locked.commit(entry)
    }
    return try waiting.outcome()
  }
}

/// Work on a thread of its own.
private final class Waiting<Result: Sendable>: Sendable {
  private let body: @Sendable () throws -> Result
  private let done = DispatchSemaphore(value: 0)
  private let value = Mutex<Swift.Result<Result, any Error>?>(nil)

  init(_ body: @escaping @Sendable () throws -> Result) { self.body = body }

  func begin() {
    Thread {
      let outcome = Swift.Result { try self.body() }
      self.value.withLock { $0 = outcome }
      self.done.signal()
    }.start()
  }

  func outcome() throws -> Result {
    done.wait()
    guard let outcome = value.withLock({ $0 }) else { throw CairnError(.io, "the thread said nothing") }
    return try outcome.get()
  }
}
