import Cairn
import Foundation

/// Standard output or standard error, and what is known of the terminal behind it.
struct Terminal: Sendable {
  private let descriptor: Int32

  static let output = Terminal(descriptor: STDOUT_FILENO)
  static let error = Terminal(descriptor: STDERR_FILENO)

  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Whether colours may be used here: on a terminal, unless NO_COLOR (no-color.org) or a dumb terminal says no.
  var wantsColor: Bool {
    let environment = ProcessInfo.processInfo.environment
    return isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }

  /// How many columns there are; nil if there is no limit, because a file or a pipe is written to.
  ///
  /// COLUMNS, if somebody has exported it, limits those as well.
  var width: Int? {
    if isTerminal {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    }
    if let text = ProcessInfo.processInfo.environment["COLUMNS"], let columns = Int(text), columns > 0 {
      return columns
    }
    return isTerminal ? 80 : nil
  }

  /// Writes all of `text`.
  func write(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        let reason = String(cString: strerror(errno))
        throw CairnError(errno == ENOSPC ? .noSpace : .io, "cannot write the output: \(reason)")
      }
      rest = rest.dropFirst(count)
    }
  }

  /// Writes `text` if that is possible: for messages about something that matters more than they do.
  func tryWrite(_ text: String) { try? write(text) }
}
