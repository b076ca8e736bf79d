/// Moments in UTC as seconds since 1970, in the proleptic Gregorian calendar.
///
/// By hand: a formatter of Foundation's takes longer to be made than a small repository takes to be read.
enum UTCSeconds {
  /// `2026-01-31T12:34:56.789Z`, the fraction left out; nil if it is no such text.
  static func parse(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
      let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    return (days(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second
  }

  /// `2026-01-31T12:34:56Z`
  static func text(_ seconds: Int) -> String {
    var days = seconds / 86_400
    var rest = seconds % 86_400
    if rest < 0 {
      rest += 86_400
      days -= 1
    }
    let (year, month, day) = date(days)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let years = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
    return "\(years)-\(two(month))-\(two(day))T\(two(rest / 3_600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value
  }

  /// Days before the first of each month in a year that begins in March, so that the leap day is its last.
  private static func daysBefore(_ monthFromMarch: Int) -> Int { (153 * monthFromMarch + 2) / 5 }

  private static let daysIn400Years = 146_097
  /// From 1 March of year 0 to 1 January 1970.
  private static let epoch = 719_468

  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let marchYear = month > 2 ? year : year - 1
    let era = marchYear >= 0 ? marchYear / 400 : (marchYear - 399) / 400
    let inEra = marchYear - era * 400
    let inYear = daysBefore((month + 9) % 12) + day - 1
    return era * daysIn400Years + inEra * 365 + inEra / 4 - inEra / 100 + inYear - epoch
  }

  private static func date(_ days: Int) -> (Int, Int, Int) {
    let shifted = days + epoch
    let era = (shifted >= 0 ? shifted : shifted - daysIn400Years + 1) / daysIn400Years
    let inEra = shifted - era * daysIn400Years
    let year = (inEra - inEra / 1_460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * year + year / 4 - year / 100)
    let month = (5 * inYear + 2) / 153
    let calendarMonth = month < 10 ? month + 3 : month - 9
    return (year + era * 400 + (calendarMonth <= 2 ? 1 : 0), calendarMonth, inYear - daysBefore(month) + 1)
  }
}
