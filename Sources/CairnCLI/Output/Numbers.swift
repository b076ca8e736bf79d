import Foundation

/// A metric with at most six significant digits.
func short(_ number: Double) -> String { String(format: "%.6g", number) }

/// A number with its noun.
func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  count == 1 ? "1 \(one)" : "\(count) \(many ?? one + "s")"
}
