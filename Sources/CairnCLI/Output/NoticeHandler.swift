import Logging

/// Shows what the library has to say while it works (it waits for a lock, it rebuilds the index) on standard error.
struct NoticeHandler: LogHandler {
  var logLevel: Logger.Level = .notice
  var metadata: Logger.Metadata = [:]
  let style: Style

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    // A progress bar may stand there.
    let clear = Terminal.error.isTerminal ? "\r\u{1B}[K" : ""
    let head = event.level >= .warning ? style.yellow("cairn:") : style.bold("cairn:")
    Terminal.error.tryWrite("\(clear)\(head) \(printable(event.message.description))\n")
  }
}
