/// A name that is compared by its bytes, for sets and dictionaries of names.
///
/// To Swift "é" in one code point and in two are one string; to SQLite, to Linux and to Python they are two names.
package struct ExactName: Hashable, Sendable {
  /// The name.
  package let text: String

  /// Makes one of a name as it stands.
  package init(_ text: String) { self.text = text }

  package static func == (left: Self, right: Self) -> Bool { left.text.isExactly(right.text) }

  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension StringProtocol {
  /// Whether both have the same bytes: `==` also takes strings for equal that only Unicode calls the same.
  package func isExactly(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether its bytes begin with those of `prefix`.
  package func hasExactPrefix(_ prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }
}

extension Dictionary where Key == String {
  /// The key that is the same to Swift as `name` and has other bytes.
  func lookalike(of name: String) -> String? {
    guard let index = index(forKey: name), !keys[index].isExactly(name) else { return nil }
    return keys[index]
  }
}
