import Cairn
import Foundation

/// What a tensor's values are like, as `cairn cat` shows it.
struct SummaryText {
  private let summary: TensorSummary

  init(_ summary: TensorSummary) { self.summary = summary }

  func text(_ console: Console) -> String {
    let style = console.style
    let width = Terminal.output.width
    let title = truncated(printable(summary.name), to: width ?? .max, .head)
    var text = style.bold(title) + "\n"
    for (label, value, isBad) in fields(console.sizes) {
      let padding = String(repeating: " ", count: max(8 - label.count, 1))
      text += "  \(style.dim(label))\(padding)\(isBad ? style.red(value) : value)\n"
    }
    if !summary.histogram.isEmpty { text += "\n" + histogram(style, width: width ?? 80) }
    return text
  }

  private func fields(_ sizes: Sizes) -> [(String, String, Bool)] {
    var fields = [
      ("dtype", printable(summary.dtype), false), ("shape", DiffText.shape(summary.shape), false),
      ("size", sizes.text(summary.bytes), false),
    ]
    guard let count = summary.count else {
      return fields + [("values", "its elements are no numbers of whole bytes", false)]
    }
    let isComplex = summary.dtype.hasPrefix("complex")
    func add(_ label: String, _ value: Double?) {
      guard let value else { return }
      fields.append((label, short(value) + (isComplex ? " (modulus)" : ""), false))
    }
    add("min", summary.minimum)
    add("max", summary.maximum)
    add("mean", summary.mean)
    add("std", summary.standardDeviation)
    fields.append(("zeros", part(summary.zeroCount, of: count), false))
    fields.append(("NaN", part(summary.nanCount, of: count), summary.nanCount > 0))
    fields.append(("Inf", part(summary.infinityCount, of: count), summary.infinityCount > 0))
    return fields
  }

  private func part(_ count: Int, of all: Int) -> String {
    count == 0 || all == 0 ? String(count) : "\(count) (\(DiffText.percent(Double(count) / Double(all))))"
  }

  /// A bar for each bin, to an eighth of a column.
  private func histogram(_ style: Style, width: Int) -> String {
    let isEach = summary.histogram.allSatisfy { $0.from == $0.to }
    let labels = summary.histogram.map { short($0.from) }
    let counts = summary.histogram.map { String($0.count) }
    let label = (labels.map(\.count).max() ?? 0) + 2
    let number = counts.map(\.count).max() ?? 0
    let room = min(max(width - label - number - 3, 4), 60)
    let most = Double(summary.histogram.map(\.count).max() ?? 1)
    var text = ""
    for (index, bin) in summary.histogram.enumerated() {
      let bar = Self.bar(Double(bin.count) / max(most, 1) * Double(room), isEmpty: bin.count == 0)
      let gap = String(repeating: " ", count: room - columns(of: bar) + 1 + number - counts[index].count)
      let from = String(repeating: " ", count: label - labels[index].count) + labels[index]
      text += "\(style.dim(from)) \(style.cyan(bar))\(gap)\(counts[index])\n"
    }
    if !isEach, let last = summary.histogram.last {
      let end = short(last.to)
      text += style.dim(String(repeating: " ", count: max(label - end.count, 0)) + end) + "\n"
    }
    return text
  }

  private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

  /// As long as `length` says; what is there at all is seen.
  private static func bar(_ length: Double, isEmpty: Bool) -> String {
    if isEmpty { return "" }
    let units = max(Int((length * 8).rounded()), 1)
    return String(repeating: "█", count: units / 8) + eighths[units % 8]
  }
}
