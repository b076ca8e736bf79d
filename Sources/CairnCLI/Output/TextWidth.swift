/// How many columns of a terminal a text takes.
func columns(of text: some StringProtocol) -> Int {
  isPlain(text) ? text.utf8.count : text.reduce(0) { $0 + columns(of: $1) }
}

/// Whether a text is printable ASCII throughout, as nearly all are: then nothing has to be asked of Unicode's tables,
/// which would be half of the time that a table takes.
func isPlain(_ text: some StringProtocol) -> Bool { text.utf8.allSatisfy { (0x20..<0x7F).contains($0) } }

/// What a character takes is what the widest of its scalars does: marks that combine with it take nothing.
func columns(of character: Character) -> Int {
  var width = 0
  for scalar in character.unicodeScalars {
    // Variation selector 16 asks for the emoji's look, which is wide.
    if scalar.value == 0xFE0F { return 2 }
    width = max(width, columns(of: scalar))
  }
  return width
}

private func columns(of scalar: Unicode.Scalar) -> Int {
  if scalar.value < 0x300 { return 1 }
  let properties = scalar.properties
  switch properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format, .control: return 0
  default: break
  }
  if properties.isEmojiPresentation || properties.isIdeographic { return 2 }
  return wideBlocks.contains { $0.contains(scalar.value) } ? 2 : 1
}

/// Blocks that East Asian typography sets in full width (UAX #11), beside ideographs and emoji.
private let wideBlocks: [ClosedRange<UInt32>] = [
  0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
  0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
]

/// Which end of a text goes when there is too little room.
enum Truncation: Sendable {
  case head, tail
}

/// `text` if it fits in `width` columns, else as much of it as fits beside an ellipsis.
func truncated(_ text: String, to width: Int, _ truncation: Truncation = .tail) -> String {
  guard columns(of: text) > width else { return text }
  var kept = ""
  var used = 1
  switch truncation {
  case .tail:
    for character in text {
      used += columns(of: character)
      if used > width { break }
      kept.append(character)
    }
    return kept + "…"
  case .head:
    var reversed: [Character] = []
    for character in text.reversed() {
      used += columns(of: character)
      if used > width { break }
      reversed.append(character)
    }
    return "…" + String(reversed.reversed())
  }
}

/// `text` in lines of at most `width` columns, broken at spaces; a word that is longer is cut off at its end. nil is no
/// limit.
func wrapped(_ text: String, to width: Int?, indent: String = "") -> String {
  guard let width, columns(of: text) > width else { return text }
  var lines: [String] = []
  var line = ""
  var used = 0
  for word in text.split(separator: " ", omittingEmptySubsequences: false) {
    let margin = lines.isEmpty ? "" : indent
    let length = columns(of: word)
    if !line.isEmpty, used + 1 + length > width {
      lines.append(line)
      (line, used) = (indent + word, columns(of: indent) + length)
    } else if line.isEmpty {
      (line, used) = (margin + word, columns(of: margin) + length)
    } else {
      line += " " + word
      used += 1 + length
    }
  }
  lines.append(line)
  return lines.map { truncated($0, to: width) }.joined(separator: "\n")
}
