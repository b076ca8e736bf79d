/// What an expression calls a value: `val_loss`, `hyper_parameters.lr`, `lr_schedulers[0].last_epoch`.
public struct WhereName: Sendable, Hashable {
  /// A step on the way into a JSON value.
  public enum Part: Sendable, Hashable {
    /// The member of an object.
    case key(String)
    /// The item of an array, counted from 0, or from its end (-1 is the last).
    case index(Int)
  }

  /// The steps, the first of which is a key.
  public var parts: [Part]
  /// Where it stands.
  public var place: WherePlace

  /// Makes a name of its parts.
  public init(parts: [Part], place: WherePlace = WherePlace()) {
    self.parts = parts
    self.place = place
  }

  /// All keys, if there is nothing else.
  var keys: [String]? {
    var keys: [String] = []
    for part in parts {
      guard case .key(let key) = part else { return nil }
      keys.append(key)
    }
    return keys
  }
}

/// Where in the text of an expression something stands, in bytes of UTF-8. All places are equal: what is read twice is
/// the same wherever it stood.
public struct WherePlace: Sendable, Hashable {
  /// The bytes; empty for what was not read from a text.
  public var range: Range<Int>

  /// Makes a place.
  public init(_ range: Range<Int> = 0..<0) { self.range = range }

  public static func == (_: WherePlace, _: WherePlace) -> Bool { true }
  public func hash(into _: inout Hasher) {}
}

extension WhereName: CustomStringConvertible {
  /// The name as an expression has it, in quotes where it needs them.
  public var description: String {
    var text = ""
    for part in parts {
      switch part {
      case .key(let key): text += (text.isEmpty ? "" : ".") + Self.quotedIfNeeded(key)
      case .index(let index): text += "[\(index)]"
      }
    }
    return text
  }

  static func quotedIfNeeded(_ key: String) -> String {
    let isPlain =
      key.unicodeScalars.first.map(WhereLexer.startsName) == true
      && key.unicodeScalars.allSatisfy(WhereLexer.continuesName) && !WhereLexer.isReserved(key)
    return isPlain ? key : WhereLexer.quote(key, with: "\"")
  }
}
