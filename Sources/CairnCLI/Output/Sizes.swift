import Foundation

/// How numbers of bytes are written.
struct Sizes: Sendable {
  /// Exact, instead of in units of 1024.
  var exact: Bool

  func text(_ bytes: Int) -> String { exact ? String(bytes) : Self.human(bytes) }

  /// Three digits or so, and a unit of IEC 80000-13.
  static func human(_ bytes: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1023.95, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    if unit == 0 { return "\(bytes) B" }
    return String(format: value < 99.95 ? "%.1f %@" : "%.0f %@", value, units[unit] as NSString)
  }
}
