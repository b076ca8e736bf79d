/// Colours and weights (ECMA-48, Select Graphic Rendition), or none.
struct Style: Sendable {
  var enabled: Bool

  func bold(_ text: String) -> String { wrap(text, 1) }
  func dim(_ text: String) -> String { wrap(text, 2) }
  func red(_ text: String) -> String { wrap(text, 31) }
  func green(_ text: String) -> String { wrap(text, 32) }
  func yellow(_ text: String) -> String { wrap(text, 33) }
  func cyan(_ text: String) -> String { wrap(text, 36) }

  private func wrap(_ text: String, _ code: Int) -> String {
    enabled && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// What a part of a table looks like.
enum Paint: Sendable {
  case plain, name, tag, faint, bad
}

extension Style {
  func paint(_ text: String, _ paint: Paint) -> String {
    switch paint {
    case .plain: return text
    case .name: return yellow(text)
    case .tag: return cyan(text)
    case .faint: return dim(text)
    case .bad: return red(text)
    }
  }
}
