import Glibc

/// What a checkpoint is called: a path, and perhaps which version of it.
public struct PathName: Sendable, Hashable, CustomStringConvertible {
  /// The name in the repository.
  public var path: String
  /// The version; nil means the newest.
  public var version: Int?

  /// Makes a name from its parts.
  public init(path: String, version: Int? = nil) {
    self.path = path
    self.version = version
  }

  /// Reads `path` or `path@n`.
  public init(parsing text: String) {
    if let (path, version) = Self.split(text) {
      self.init(path: path, version: version)
    } else {
      self.init(path: text)
    }
  }

  /// By bytes: two names that only Unicode calls the same are two.
  public static func == (left: Self, right: Self) -> Bool {
    left.version == right.version && left.path.isExactly(right.path)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(ExactName(path))
    hasher.combine(version)
  }

  public var description: String { version.map { "\(path)@\($0)" } ?? path }

  private static func split(_ text: String) -> (String, Int)? {
    guard let at = text.lastIndex(of: "@") else { return nil }
    let digits = text[text.index(after: at)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let version = Int(digits), at > text.startIndex
    else { return nil }
    return (String(text[..<at]), version)
  }

  /// Throws unless `path` can be a checkpoint's name: not empty, no control characters, and not ending in `@` and digits.
  public static func validate(_ path: String) throws {
    guard !path.isEmpty, path.utf8.count <= 4_096 else {
      throw CairnError(.invalid, "a name of \(path.utf8.count) bytes", advice: "a name has 1 to 4096 bytes")
    }
    try validateText(path)
    guard split(path) == nil else {
      throw CairnError(
        .invalid, "\(path): a name that ends in @ and digits would read as a version", advice: "choose another name")
    }
  }

  /// Throws if there are control characters in a name: SQLite would end it at a zero.
  static func validateText(_ name: String) throws {
    guard name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
      throw CairnError(.invalid, "\(name.debugDescription): a name with control characters")
    }
  }

  /// The absolute path of a file-system path, `.`, `..` and doubled slashes resolved by text alone.
  public static func absolute(_ path: String) -> String {
    let start = path.hasPrefix("/") ? path : currentDirectory() + "/" + path
    var parts: [Substring] = []
    // By bytes: with an accent at its head the name of a file makes one character with the slash before it.
    for part in start.utf8.split(separator: UInt8(ascii: "/")).map({ Substring($0) }) {
      if part == ".." {
        _ = parts.popLast()
      } else if part != "." {
        parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The directory that a path lies in.
  static func parent(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  private static func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }
}

extension Repository {
  /// The name under which a file-system path is stored: relative to the directory that holds `.cairn` if it lies below
  /// it, absolute otherwise.
  public func name(forFile path: String) -> String {
    let absolute = PathName.absolute(path)
    guard let base else { return absolute }
    let prefix = base == "/" ? "/" : base + "/"
    guard absolute.hasExactPrefix(prefix), absolute.utf8.count > prefix.utf8.count else { return absolute }
    return String(Substring(absolute.utf8.dropFirst(prefix.utf8.count)))
  }
}
