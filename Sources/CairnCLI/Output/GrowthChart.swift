import Cairn

/// How a repository has grown: what is stored as solid columns, and above it what that would be as files of their own.
struct GrowthChart {
  private static let height = 6
  private static let eighths = ["", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let most = 60

  private let growth: Growth
  private let sizes: Sizes

  init(_ growth: Growth, _ sizes: Sizes) {
    self.growth = growth
    self.sizes = sizes
  }

  /// How many stretches of time fit.
  static func stretches(width: Int?) -> Int { min(max((width ?? 80) - margin, 8), most) }

  private static let margin = 14

  /// The chart as lines of at most `width` columns; empty if there is too little to show.
  func text(_ style: Style, width: Int?) -> String {
    guard growth.points.count > 1, let last = growth.points.last, last.logicalBytes > 0 else { return "" }
    let top = max(last.logicalBytes, last.storedBytes)
    var lines: [String] = []
    for row in (0..<Self.height).reversed() {
      var label = ""
      if row == Self.height - 1 { label = sizes.text(top) }
      if row == 0 { label = "0" }
      let columns = growth.points.map { column($0, row, top, style) }.joined()
      lines.append("\(padded(label)) \(style.dim("│"))\(columns)")
    }
    lines.append("\(padded("")) \(style.dim("└" + String(repeating: "─", count: growth.points.count)))")
    lines.append(below(dates, width) { $0 })
    let legend = "█ stored  ░ logical  a column is \(Self.duration(growth.seconds))"
    lines.append(
      below(legend, width) { text in
        text.hasPrefix("█") ? style.green("█") + text.dropFirst() : text
      })
    return lines.map { trimmed($0) + "\n" }.joined()
  }

  private func column(_ point: GrowthPoint, _ row: Int, _ top: Int, _ style: Style) -> String {
    func filled(_ bytes: Int) -> Int {
      let all = Int((Double(bytes) / Double(top) * Double(Self.height * 8)).rounded())
      // Something is never drawn as nothing.
      return min(max(max(all, bytes > 0 ? 1 : 0) - row * 8, 0), 8)
    }
    let stored = filled(point.storedBytes)
    if stored > 0 { return style.green(Self.eighths[stored]) }
    return filled(point.logicalBytes) >= 4 ? style.dim("░") : " "
  }

  /// The first day and the last; of one day also the times.
  private var dates: String {
    guard let first = growth.points.first?.time, let last = growth.points.last?.time else { return "" }
    let sameDay = first.prefix(10) == last.prefix(10)
    let start = sameDay ? "\(first.prefix(10)) \(first.dropFirst(11).prefix(8)) UTC" : String(first.prefix(10))
    let end = sameDay ? String(last.dropFirst(11).prefix(8)) : String(last.prefix(10))
    let room = growth.points.count - start.count - end.count
    guard room > 0 else { return "\(start) – \(end)" }
    return start + String(repeating: " ", count: room) + end
  }

  /// A line below the columns: under the first of them if there is room, else from the left.
  private func below(_ text: String, _ width: Int?, _ paint: (String) -> String) -> String {
    let room = width ?? .max
    let indented = Self.margin - 1 + columns(of: text) <= room
    return (indented ? String(repeating: " ", count: Self.margin - 1) : "") + paint(truncated(text, to: room))
  }

  private func padded(_ label: String) -> String {
    String(repeating: " ", count: max(Self.margin - 3 - columns(of: label), 0)) + label
  }

  private func trimmed(_ line: String) -> String {
    var line = line
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }

  private static func duration(_ seconds: Int) -> String {
    for (length, name) in [(86_400, "day"), (3_600, "hour"), (60, "minute")] where seconds % length == 0 {
      return counted(seconds / length, name)
    }
    return counted(seconds, "second")
  }
}
