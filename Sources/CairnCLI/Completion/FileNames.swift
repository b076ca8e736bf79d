import Cairn
import Foundation

/// Files that begin as what was typed.
enum FileNames {
  private static let most = 500

  /// Any files, and directories with a slash behind them.
  static func all(_ prefix: String) -> [String] { names(prefix) { _ in true } }

  /// Files called as checkpoints are, where pointers lie, and directories.
  static func checkpoints(_ prefix: String) -> [String] {
    names(prefix) { name in WatchOptions.checkpoints.contains { fnmatch($0, name, 0) == 0 } }
  }

  private static func names(_ prefix: String, _ isWanted: (String) -> Bool) -> [String] {
    let slash = prefix.lastIndex(of: "/")
    let head = slash.map { String(prefix[...$0]) } ?? ""
    let tail = slash.map { String(prefix[prefix.index(after: $0)...]) } ?? prefix
    guard let directory = opendir(head.isEmpty ? "." : head) else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name, name.hasPrefix(tail), name.hasPrefix(".") == tail.hasPrefix("."), name != ".", name != "..",
        !name.contains(where: \.isNewline)
      else { continue }
      if isDirectory(head + name) {
        found.append(head + name + "/")
      } else if isWanted(name) {
        found.append(head + name)
      }
      if found.count == most { break }
    }
    return found.sorted()
  }
}
