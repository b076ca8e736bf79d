import ArgumentParser
import Cairn

/// `key=value`, the value as JSON where it is some.
struct KeyValue: ExpressibleByArgument {
  var key: String
  var value: JSONValue

  init?(argument: String) {
    guard let (key, text) = splitAtEquals(argument) else { return nil }
    self.key = key
    value = Self.value(text)
  }

  /// A JSON value if the text can be meant as one, else the text.
  ///
  /// An abbreviated commit may be `1234567` or `12345e6`: the first stays what it was as an integer, the second would
  /// not, so a number with an exponent needs a point or a sign in it.
  private static func value(_ text: String) -> JSONValue {
    guard let value = try? JSONValue(parsing: text.utf8) else { return .string(text) }
    switch value {
    case .int: return String(Int64(text) ?? 0) == text ? value : .string(text)
    case .double: return text.contains(".") || text.contains("e-") || text.contains("E-") ? value : .string(text)
    case .string: return .string(text)
    default: return value
    }
  }
}

/// `name=number`
struct Metric: ExpressibleByArgument {
  var name: String
  var value: Double

  init?(argument: String) {
    guard let (name, text) = splitAtEquals(argument), let value = Double(text) else { return nil }
    self.name = name
    self.value = value
  }
}

private func splitAtEquals(_ argument: String) -> (String, String)? {
  guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else { return nil }
  return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
}
