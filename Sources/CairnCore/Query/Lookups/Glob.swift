/// A pattern for names, as in a shell: `*` is any characters (dots too), `?` is one, `[ab]` and `[a-z]` are one of
/// several, `[!a]` one that is none of them, and `\` takes away what the next character means.
///
/// A `[` without its `]` is a plain character. Matching takes time in proportion to pattern times name at most, whatever
/// the pattern.
public struct Glob: Sendable, Hashable {
  private enum Part: Sendable, Hashable {
    case any
    case one
    case scalar(Unicode.Scalar)
    case set([ClosedRange<Unicode.Scalar>], isNegated: Bool)

    func matches(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .any, .one: return true
      case .scalar(let own): return own == scalar
      case .set(let ranges, let isNegated): return ranges.contains { $0.contains(scalar) } != isNegated
      }
    }
  }

  /// The pattern as it was given.
  public let pattern: String
  private let parts: [Part]

  /// Reads a pattern: none is wrong.
  public init(_ pattern: String) {
    self.pattern = pattern
    let scalars = Array(pattern.unicodeScalars)
    var parts: [Part] = []
    var at = 0
    while at < scalars.count {
      switch scalars[at] {
      case "*":
        // Several in a row say no more than one.
        if parts.last != .any { parts.append(.any) }
        at += 1
      case "?":
        parts.append(.one)
        at += 1
      case "[":
        if let (part, end) = Self.set(scalars, from: at + 1) {
          parts.append(part)
          at = end
        } else {
          parts.append(.scalar("["))
          at += 1
        }
      case "\\" where at + 1 < scalars.count:
        parts.append(.scalar(scalars[at + 1]))
        at += 2
      default:
        parts.append(.scalar(scalars[at]))
        at += 1
      }
    }
    self.parts = parts
  }

  private static func set(_ scalars: [Unicode.Scalar], from start: Int) -> (Part, end: Int)? {
    var at = start
    let isNegated = at < scalars.count && (scalars[at] == "!" || scalars[at] == "^")
    if isNegated { at += 1 }
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    let first = at
    while at < scalars.count {
      // A `]` that comes first is one of the characters.
      if scalars[at] == "]", at > first { return (.set(ranges, isNegated: isNegated), at + 1) }
      if at + 2 < scalars.count, scalars[at + 1] == "-", scalars[at + 2] != "]" {
        if scalars[at] <= scalars[at + 2] { ranges.append(scalars[at]...scalars[at + 2]) }
        at += 3
      } else {
        ranges.append(scalars[at]...scalars[at])
        at += 1
      }
    }
    return nil
  }

  /// The pattern that matches one name only.
  public init(literal name: String) {
    pattern = name
    parts = name.unicodeScalars.map { .scalar($0) }
  }

  /// The one name that it matches, if there is only one: a pattern without wildcards.
  public var literal: String? {
    var text = String.UnicodeScalarView()
    for part in parts {
      guard case .scalar(let scalar) = part else { return nil }
      text.append(scalar)
    }
    return String(text)
  }

  /// Whether it matches the whole of a name.
  public func matches(_ name: String) -> Bool {
    let scalars = name.unicodeScalars
    var (at, part) = (scalars.startIndex, 0)
    // Where to go on if what follows the last `*` does not fit: with one more character taken by it.
    var retry: (at: String.Index, part: Int)?
    while at < scalars.endIndex {
      if part < parts.count, parts[part] == .any {
        part += 1
        retry = (at, part)
      } else if part < parts.count, parts[part].matches(scalars[at]) {
        at = scalars.index(after: at)
        part += 1
      } else if let last = retry {
        let next = scalars.index(after: last.at)
        (at, part) = (next, last.part)
        retry = (next, last.part)
      } else {
        return false
      }
    }
    return parts[part...].allSatisfy { $0 == .any }
  }
}
