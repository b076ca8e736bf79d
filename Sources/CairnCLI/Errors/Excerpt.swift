import Cairn

/// A line of the user's text with a caret below the place that is wrong.
struct Excerpt {
  private let before: [Character]
  private let place: [Character]
  private let after: [Character]

  init(_ excerpt: CairnError.Excerpt) {
    let bytes = Array(excerpt.text.utf8)
    let start = min(max(excerpt.range.lowerBound, 0), bytes.count)
    let end = min(max(excerpt.range.upperBound, start), bytes.count)
    func characters(_ range: Range<Int>) -> [Character] {
      Array(printable(String(decoding: bytes[range], as: UTF8.self)))
    }
    // Neither side is shown beyond a terminal's width: no need to look at 64 KiB.
    let (first, last) = (max(start - 2_000, 0), min(end + 2_000, bytes.count))
    let newline = UInt8(ascii: "\n")
    before = characters((bytes[first..<start].lastIndex(of: newline).map { $0 + 1 } ?? first)..<start)
    place = characters(start..<min(end, start + 2_000))
    after = characters(end..<(bytes[end..<last].firstIndex(of: newline) ?? last))
  }

  /// Two lines, the second with the caret; a long text is cut on both sides of it.
  func text(width: Int, style: Style) -> String {
    let room = max(width - 2, 16)
    let shownPlace = truncated(String(place), to: room / 2)
    let head = truncated(String(before), to: max(room / 2 - columns(of: shownPlace) / 2, 4), .head)
    let tail = truncated(String(after), to: max(room - columns(of: head) - columns(of: shownPlace), 1))
    let marks = "^" + String(repeating: "~", count: max(columns(of: shownPlace) - 1, 0))
    let indent = String(repeating: " ", count: columns(of: head))
    return "  \(head)\(shownPlace)\(tail)\n  \(indent)\(style.red(marks))\n"
  }
}
