import CairnCore
import CairnFormats
import Glibc

/// The user's list of repositories that pointers were written for: a line of id and absolute path each, for pointers
/// that were moved away from theirs. Command line and plugin share it.
public struct KnownRepositories: Sendable {
  /// The file; nil if there is no home directory.
  public let path: String?

  private static let limit = 1 << 20

  /// The list that the environment leads to.
  public init(environment: [String: String]) {
    if let configuration = environment["XDG_CONFIG_HOME"], configuration.hasPrefix("/") {
      path = configuration + "/cairn/repositories"
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      path = home + "/.config/cairn/repositories"
    } else {
      path = nil
    }
  }

  /// The places of the repository with this id.
  public func places(of identifier: String) -> [String] {
    entries().filter { $0.id == identifier }.map(\.place)
  }

  private func entries() -> [(id: String, place: String)] {
    guard let path, let source = try? FileSource(path: path),
      let bytes = try? source.bytes(at: 0, count: min(source.size, Self.limit))
    else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
      guard parts.count == 2, parts[1].first == UInt8(ascii: "/") else { return nil }
      return (String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self))
    }
  }

  /// Adds a repository. A convenience: nothing fails for it.
  public func note(_ identifier: String, at place: String) {
    guard let path, !place.contains("\n"), !entries().contains(where: { $0.id == identifier && $0.place == place })
    else { return }
    let directory = path.dropLast("/repositories".utf8.count)
    mkdir(String(directory.dropLast("/cairn".utf8.count)), 0o700)
    mkdir(String(directory), 0o700)
    // O_NONBLOCK: a FIFO that nobody reads must not hang a command.
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // One write at the end of the file, which needs no lock.
    let line = Array("\(identifier) \(place)\n".utf8)
    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
}
