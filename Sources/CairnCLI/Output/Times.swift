import Foundation

/// A moment in UTC, as the index keeps it, in this machine's time zone and to the second; as it is if it is no moment.
func localTime(_ timestamp: String) -> String {
  let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
  guard let date = try? style.parse(timestamp) else { return timestamp }
  let local = Date.VerbatimFormatStyle(
    format:
      "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits)",
    locale: Locale(identifier: "en_US_POSIX"), timeZone: .current, calendar: Calendar(identifier: .gregorian))
  return date.formatted(local)
}
