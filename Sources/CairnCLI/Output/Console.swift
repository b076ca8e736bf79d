import Foundation

/// Where a command's results, messages and warnings go.
struct Console: Sendable {
  var json: Bool
  var quiet: Bool
  var sizes: Sizes
  /// For standard output.
  var style: Style
  /// For standard error.
  var errorStyle: Style

  /// What was asked for: on standard output, `--quiet` or not.
  func result(_ text: String) throws { try Terminal.output.write(text) }

  /// What was done: on standard output, unless it should be quiet or prints JSON.
  func message(_ text: String) throws {
    if !quiet && !json { try Terminal.output.write(text + "\n") }
  }

  /// What was asked for, as JSON with sorted keys in snake case.
  func result(json value: some Encodable) throws { try write(value, [.prettyPrinted]) }

  /// One of several things, as JSON on a line of its own.
  func result(jsonLine value: some Encodable) throws { try write(value, []) }

  private func write(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    try Terminal.output.write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
  }

  /// A table on standard output, as wide as the terminal allows.
  func result(_ table: Table) throws {
    try result(table.text(width: Terminal.output.width, style: style))
  }

  /// What went less than well, on standard error.
  func warn(_ warnings: [String]) {
    for warning in warnings {
      Terminal.error.tryWrite("\(errorStyle.yellow("warning:")) \(printable(warning))\n")
    }
  }

  /// A progress bar for something with this title.
  func progress(_ title: String, of unit: ProgressBar.Unit = .bytes) -> ProgressBar {
    ProgressBar(title: printable(title), unit: unit, visible: !quiet && Terminal.error.isTerminal, style: errorStyle)
  }
}
