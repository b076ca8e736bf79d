import CairnCore
import Foundation

/// Which repository is meant, when a program is started somewhere below it.
///
/// A repository that was named (`--repo`, `CAIRN_REPO`) is used as it is. One that is merely found in a directory above
/// may have been put there by somebody else, in `/tmp` or on a shared disk: it is used only if it belongs to this user
/// or is on the list of trusted ones, as git does with `safe.directory`.
public struct RepositoryDiscovery: Sendable {
  /// The environment that is looked at: `CAIRN_REPO`, `XDG_CONFIG_HOME`, `HOME`.
  public var environment: [String: String] {
    get { given ?? ProcessInfo.processInfo.environment }
    set { given = newValue }
  }
  private var given: [String: String]?
  /// The user whose repositories are trusted.
  public var user: UInt32

  /// The variable that names a repository.
  public static let variable = "CAIRN_REPO"

  /// Discovery for this process, in its own environment unless another is given.
  public init(environment: [String: String]? = nil, user: UInt32 = geteuid()) {
    // A process's own is read when it is needed: a load by a pointer to a repository of the user's needs none of it.
    given = environment
    self.user = user
  }

  /// The path of the repository: `named` if it is given, else what `CAIRN_REPO` says, else the nearest `.cairn` in
  /// `directory` or above it.
  ///
  /// Throws ``CairnError/Kind/notARepository`` if there is none, ``CairnError/Kind/untrusted`` if the one that was found
  /// belongs to somebody else.
  public func repository(named: String? = nil, from directory: String = ".") throws -> String {
    if let named { return named }
    if let path = environment[Self.variable], !path.isEmpty { return path }
    let start = PathName.absolute(directory)
    guard let found = nearest(from: start) else {
      throw CairnError(
        .notARepository, "\(start): no Cairn repository here or in a directory above",
        advice: "make one with `cairn init`, or name one with --repo or \(Self.variable)")
    }
    try requireTrust(found)
    return found
  }

  /// The nearest directory called `.cairn` in `directory` or above it; nil if there is none.
  ///
  /// Whether it is a repository is for opening it to say: one that is broken should not have its user write, without
  /// noticing, to another further up.
  public func nearest(from directory: String) -> String? {
    var current = PathName.absolute(directory)
    while true {
      let candidate = (current == "/" ? "" : current) + "/" + Repository.directoryName
      var info = stat()
      if stat(candidate, &info) == 0 {
        if info.st_mode & S_IFMT == S_IFDIR { return candidate }
      } else if errno == EIO || errno == ESTALE {
        // Opening it says so; the one further up is another.
        return candidate
      }
      guard current != "/", let slash = current.lastIndex(of: "/") else { return nil }
      current = slash == current.startIndex ? "/" : String(current[..<slash])
    }
  }

  /// Throws ``CairnError/Kind/untrusted`` unless the repository in `path` belongs to the user or is on the trusted list.
  public func requireTrust(_ path: String) throws {
    if try belongsToUser(path) || isListed(path) { return }
    let list = trustedListPath ?? "~/.config/cairn/trusted"
    throw CairnError(
      .untrusted, "\(path): belongs to another user",
      advice: "if you trust it, add this line to \(list): \(path) — or name it with --repo")
  }

  /// Whether both `path` and, if it is a symbolic link, what it leads to belong to the user.
  private func belongsToUser(_ path: String) throws -> Bool {
    var link = stat()
    var target = stat()
    guard lstat(path, &link) == 0, stat(path, &target) == 0 else {
      if errno == ENOENT { return false }
      throw CairnError.system("stat", path)
    }
    return link.st_uid == user && target.st_uid == user
  }

  /// The file that lists trusted repositories, an absolute path a line, `*` for all; nil if there is no home directory.
  public var trustedListPath: String? {
    // The XDG base directory specification has relative paths ignored.
    if let configuration = environment["XDG_CONFIG_HOME"], configuration.hasPrefix("/") {
      return configuration + "/cairn/trusted"
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return home + "/.config/cairn/trusted"
  }

  /// Whether the list names `path`, or the directory that holds it.
  private func isListed(_ path: String) -> Bool {
    guard let list = trustedListPath, let content = try? String(contentsOfFile: list, encoding: .utf8) else {
      return false
    }
    let names = Set([path, resolved(path)].flatMap { [$0, directory(of: $0)] }.map { ExactName($0) })
    return content.split(whereSeparator: \.isNewline).contains { line in
      let entry = line.trimmingCharacters(in: .whitespaces)
      return entry == "*" || entry.hasPrefix("/") && names.contains(ExactName(PathName.absolute(entry)))
    }
  }

  private func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private func directory(of path: String) -> String {
    guard path.hasSuffix("/" + Repository.directoryName) else { return path }
    let parent = String(path.dropLast(Repository.directoryName.utf8.count + 1))
    return parent.isEmpty ? "/" : parent
  }
}
