/// A pattern for names of tensors, as a shell has them: `*` for any text, dots included, `?` for a character, `[a-c]`
/// and `[!a-c]` for one of some.
public struct NamePattern: Sendable, Hashable {
  private enum Part: Sendable, Hashable {
    case text(Unicode.Scalar)
    case any
    case run
    case set([ClosedRange<UInt32>], isNegated: Bool)
  }

  private let parts: [Part]

  /// Reads a pattern; every text is one. A `[` that is not closed stands for itself.
  public init(_ pattern: String) {
    var parts: [Part] = []
    var rest = Array(pattern.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "*": if parts.last != .run { parts.append(.run) }
      case "?": parts.append(.any)
      case "[":
        if let set = Self.set(&rest) { parts.append(set) } else { parts.append(.text("[")) }
      case "\\" where !rest.isEmpty: parts.append(.text(rest.removeFirst()))
      default: parts.append(.text(scalar))
      }
    }
    self.parts = parts
  }

  private static func set(_ rest: inout ArraySlice<Unicode.Scalar>) -> Part? {
    var content = rest
    let isNegated = content.first == "!" || content.first == "^"
    if isNegated { content.removeFirst() }
    guard let close = content.dropFirst().firstIndex(of: "]") else { return nil }
    var ranges: [ClosedRange<UInt32>] = []
    var scalars = content[..<close]
    while let low = scalars.popFirst() {
      if scalars.first == "-", let high = scalars.dropFirst().first {
        scalars = scalars.dropFirst(2)
        if low.value <= high.value { ranges.append(low.value...high.value) }
      } else {
        ranges.append(low.value...low.value)
      }
    }
    rest = content[content.index(after: close)...]
    return .set(ranges, isNegated: isNegated)
  }

  /// Whether all of `name` is as the pattern says. Takes time in proportion to the product of their lengths at most.
  public func matches(_ name: String) -> Bool {
    let scalars = Array(name.unicodeScalars)
    var (at, part) = (0, 0)
    var retry: (part: Int, at: Int)?
    while at < scalars.count {
      if part < parts.count, parts[part] == .run {
        retry = (part, at)
        part += 1
      } else if part < parts.count, matches(parts[part], scalars[at]) {
        part += 1
        at += 1
      } else if let last = retry {
        // The last run takes one more.
        retry = (last.part, last.at + 1)
        part = last.part + 1
        at = last.at + 1
      } else {
        return false
      }
    }
    return parts[part...].allSatisfy { $0 == .run }
  }

  private func matches(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
    switch part {
    case .text(let wanted): wanted == scalar
    case .any, .run: true
    case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar.value) } != isNegated
    }
  }
}
