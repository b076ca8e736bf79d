import Foundation

extension Origin {
  /// This process, now.
  static func now() -> Origin {
    Origin(time: timestamp(Date()), host: ProcessInfo.processInfo.hostName, user: userName())
  }

  private static func userName() -> String {
    let id = geteuid()
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    if getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name {
      return String(cString: name)
    }
    return String(id)
  }
}

private let timestampStyle = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

/// A time in UTC as the log and the index keep it: ISO 8601 with milliseconds, so that text order is time order.
func timestamp(_ date: Date) -> String { date.formatted(timestampStyle) }

/// The time that a timestamp names.
func date(fromTimestamp text: String) -> Date? { try? timestampStyle.parse(text) }
