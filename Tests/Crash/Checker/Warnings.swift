import Logging
import Synchronization

/// Keeps what a repository warns of.
final class Warnings: Sendable {
  private let list = Mutex<[String]>([])

  var all: [String] { list.withLock { $0 } }

  var logger: Logger { Logger(label: "cairn") { _ in Handler(warnings: self) } }

  private func add(_ message: String) { list.withLock { $0.append(message) } }

  private struct Handler: LogHandler {
    let warnings: Warnings
    var logLevel = Logger.Level.warning
    var metadata = Logger.Metadata()

    init(warnings: Warnings) { self.warnings = warnings }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { warnings.add(event.message.description) }
  }
}
