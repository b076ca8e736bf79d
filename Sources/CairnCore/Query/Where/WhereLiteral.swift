/// A value that an expression spells out.
public struct WhereLiteral: Sendable, Hashable {
  /// What it is.
  public enum Value: Sendable, Hashable {
    /// Text, or a moment: `'sweep-4'`, `'2026-11-01'`.
    case text(String)
    /// A number without a fraction.
    case int(Int64)
    /// Any other finite number.
    case double(Double)
    /// `true` or `false`.
    case bool(Bool)
    /// So many seconds before now: `7d ago`.
    case ago(Double)
  }

  /// What it is.
  public var value: Value
  /// Where it stands.
  public var place: WherePlace

  /// Makes a literal.
  public init(_ value: Value, place: WherePlace = WherePlace()) {
    self.value = value
    self.place = place
  }

  static func quoted(_ text: String) -> String { WhereLexer.quote(text, with: "'") }
}

extension WhereLiteral: CustomStringConvertible {
  /// The literal as an expression has it.
  public var description: String {
    switch value {
    case .text(let text): return Self.quoted(text)
    case .int(let number): return String(number)
    case .double(let number): return String(number)
    case .bool(let value): return value ? "true" : "false"
    case .ago(let seconds): return "\(seconds)s ago"
    }
  }
}
