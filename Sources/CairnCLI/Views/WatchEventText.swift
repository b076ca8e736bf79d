import Cairn

/// An event of `cairn watch`, as a line for people.
struct WatchEventText {
  let console: Console
  let verbose: Bool

  /// Prints it: what went wrong on standard error, whatever else on standard output.
  func print(_ event: WatchEvent) throws {
    switch event {
    case .failed(let file, let error, let isFinal):
      let next = isFinal ? "" : "; it will be tried again"
      console.warn(["\(file): could not be saved: \(Self.withoutFile(error.message, file))\(next)"])
      if !error.advice.isEmpty {
        Terminal.error.tryWrite("\(console.errorStyle.bold("hint:")) \(printable(error.advice))\n")
      }
    case .polling(let interval, let reason):
      console.warn(["\(reason): all files are looked at every \(short(interval)) s"])
    case .saved(_, let report):
      let new = report.newBytes == 0 ? "nothing new" : "\(console.sizes.text(report.newBytes)) new"
      try console.message(
        "saved \(printable("\(report.path)@\(report.version)")): \(console.sizes.text(report.size)), \(new)")
      console.warn(report.warnings)
    default:
      if let text = Self.text(event), verbose || !Self.isDetail(event) { try console.message(printable(text)) }
    }
  }

  private static func isDetail(_ event: WatchEvent) -> Bool {
    switch event {
    case .rescanned, .unchanged, .ignored, .gone: true
    default: false
    }
  }

  private static func text(_ event: WatchEvent) -> String? {
    switch event {
    case .watching(let directory, nil): "watching \(directory)"
    case .watching(let directory, let interval?): "watching \(directory) every \(short(interval)) s"
    case .rescanned: "looked at all files: there were too many changes to be told of each"
    case .unchanged(let file, let name): "\(file) is \(name) already"
    case .waiting(let file, let reason): "waiting for \(file): \(withoutFile(reason, file))"
    case .replaced(let file, let name): "\(file) points to \(name) now"
    case .kept(let file, let reason): "\(file) stays: \(withoutFile(reason, file))"
    case .ignored(let file, let reason): "ignoring \(file): \(withoutFile(reason, file))"
    case .gone(let file): "\(file) went before it was saved"
    case .stopped(let saved, let failed):
      "stopped: saved \(counted(saved, "file"))" + (failed > 0 ? ", \(failed) could not be saved" : "")
    case .saved, .failed, .polling: nil
    }
  }

  /// A message that begins with the file's name, without it.
  private static func withoutFile(_ message: String, _ file: String) -> String {
    message.hasPrefix(file + ": ") ? String(message.dropFirst(file.count + 2)) : message
  }
}
