import Cairn
import Logging
import Synchronization

/// A function of the caller's that is told what the library has to say while it works.
public typealias LogFunction = @convention(c) (_ level: Int32, _ message: UnsafePointer<CChar>?) -> Void

/// The only global state: who is told.
private let callback = Mutex<LogFunction?>(nil)

/// Hands messages to the caller's function; without one they are dropped.
struct CallbackLog: LogHandler {
  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]

  static func set(_ function: LogFunction?) { callback.withLock { $0 = function } }

  /// A logger for a repository.
  static var logger: Logger { Logger(label: "cairn") { _ in CallbackLog() } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    // Not with the lock held: the function may set another.
    guard let function = callback.withLock({ $0 }) else { return }
    let level: Int32 =
      switch event.level {
      case .trace: 0
      case .debug: 1
      case .info: 2
      case .notice: 3
      case .warning: 4
      case .error: 5
      case .critical: 6
      }
    event.message.description.withCString { function(level, $0) }
  }
}
