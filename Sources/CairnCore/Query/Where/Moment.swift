import Foundation

/// A moment as the index keeps it: ISO 8601 in UTC with milliseconds, so that text order is time order.
struct Moment {
  /// Its text.
  let text: String

  /// The beginning of what a text names: `2026-11-01`, `2026-11-01T12`, `2026-11-01 12:30`, `2026-11-01T12:30:00.5Z`;
  /// nil if it is none of these.
  init?(_ text: String) {
    var given = Array(text.utf8)
    if given.last == UInt8(ascii: "Z"), given.count > 10 { given.removeLast() }
    let whole = Array("0000-00-00T00:00:00.000Z".utf8)
    // A part of a field is none; of the fraction any digit is.
    guard [10, 13, 16, 19, 21, 22, 23].contains(given.count) else { return nil }
    for (index, byte) in given.enumerated() {
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      let wantsDigit = whole[index] == UInt8(ascii: "0")
      guard wantsDigit ? isDigit : byte == whole[index] || (index == 10 && byte == UInt8(ascii: " ")) else {
        return nil
      }
    }
    if given.count > 10 { given[10] = UInt8(ascii: "T") }
    // A day begins at 0 o'clock.
    self.text = String(decoding: given + whole[given.count...], as: UTF8.self)
  }

  /// The moment of a date.
  init(_ date: Date) {
    // Outside these years there is nothing that text order could compare.
    let years = Date(timeIntervalSince1970: -62_135_596_800)...Date(timeIntervalSince1970: 253_402_300_799)
    let clamped = min(max(date, years.lowerBound), years.upperBound)
    text = clamped.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
