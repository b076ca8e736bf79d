import CairnCore
import Foundation

extension Repository {
  /// The name under which a checkpoint that a pointer at `path` names is kept. One that ends in `@` and digits would
  /// read as a version: it is escaped, as the plugin does.
  public func name(forPointer path: String) -> String { Self.escaped(name(forFile: path)) }

  /// `exp@2` becomes `exp%402`, and what looks like an escaped name is escaped once more, so that two names never
  /// become one.
  static func escaped(_ name: String) -> String {
    guard let mark = name.unicodeScalars.lastIndex(where: { !isDigit($0) }) else { return name }
    let digits = Substring(name.unicodeScalars[name.unicodeScalars.index(after: mark)...])
    switch name.unicodeScalars[mark] {
    case "@" where !digits.isEmpty: return "\(name[..<mark])%40\(digits)"
    case "%" where isEscape(digits): return "\(name[..<mark])%25\(digits)"
    default: return name
    }
  }

  /// Whether digits after a percent sign are those of an escaped `@`, or of one escaped more than once, and a number.
  private static func isEscape(_ digits: Substring) -> Bool {
    var rest = digits
    while rest.hasPrefix("25") { rest = rest.dropFirst(2) }
    return rest.hasPrefix("40") && rest.utf8.count > 2
  }

  /// The file-system paths at which the pointer may lie that was written for a checkpoint saved as `path`: the name as the
  /// file is called, below the repository's directory and wherever that leads to.
  func files(forPointerPath path: String) -> [String] {
    var names = [path]
    for (escape, original) in [("%40", "@"), ("%25", "%")] {
      if let place = path.range(of: escape, options: .backwards) {
        names.append(path.replacingCharacters(in: place, with: original))
      }
    }
    names = names.filter { Self.escaped($0).isExactly(path) }
    return names.flatMap { name -> [String] in
      if name.hasPrefix("/") { return [PathName.absolute(name)] }
      guard let base else { return [] }
      let resolved = resolvedPath(base).flatMap { $0.isExactly(base) ? nil : $0 }
      return [base, resolved].compactMap { $0.map { PathName.absolute($0 + "/" + name) } }
    }
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
