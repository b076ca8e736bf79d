import Foundation

/// Something measured, and what it should be.
struct Measurement: Encodable, Sendable {
  /// What was measured.
  var what: String
  /// How much it came to.
  var value: Double
  /// `ms`, `bytes` …
  var unit: String
  /// The most that it should be, or where there is ``processorMs``, that; nil if it is only for information.
  var bar: Double?
  /// Milliseconds of user and system time, where `value` is time on the clock: other work on the machine adds less to
  /// them.
  var processorMs: Double?

  /// Whether it is within its bar.
  var isMet: Bool? { bar.map { (processorMs ?? value) <= $0 } }

  private enum CodingKeys: String, CodingKey {
    case what, value, unit, bar
    case processorMs = "processor_ms"
    case isMet = "met"
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(what, forKey: .what)
    try container.encode(value, forKey: .value)
    try container.encode(unit, forKey: .unit)
    try container.encodeIfPresent(bar, forKey: .bar)
    try container.encodeIfPresent(processorMs, forKey: .processorMs)
    try container.encodeIfPresent(isMet, forKey: .isMet)
  }

  /// Measurements as a table.
  static func table(_ measurements: [Measurement]) -> String {
    func number(_ value: Double, _ unit: String) -> String {
      String(format: "%.\(unit == "×" ? 2 : 1)f", value) + " " + unit
    }
    let rows = measurements.map { measurement in
      [
        measurement.what, number(measurement.value, measurement.unit),
        measurement.processorMs.map { number($0, "ms") } ?? "",
        measurement.bar.map { "≤ " + number($0, measurement.unit) } ?? "",
        measurement.isMet.map { $0 ? "met" : "MISSED" } ?? "",
      ]
    }
    let all = [["", "measured", "user+sys", "bar", ""]] + rows
    let widths = (0..<5).map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      let cells = zip(row, widths).enumerated().map { index, cell in
        let room = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 || index == 4 ? cell.0 + room : room + cell.0
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }
}
