import CairnCore
import Foundation

/// What lies below directories and holds versions: pointers, and full files that the plugin wrote.
struct PointerWalk {
  /// The ids that are held.
  private(set) var held: Set<String> = []
  /// How many files hold them.
  private(set) var count = 0
  /// Pointers, files and directories of which nobody can say what they hold, with the reason.
  private(set) var unreadable: [String] = []
  /// Directories, without links, in which something is being written right now.
  private(set) var busy: Set<String> = []
  private var seen: Set<Identity> = []

  private struct Identity: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  /// How old a temporary file is that nobody goes on writing, in seconds.
  private static let abandonedAge = 3_600

  /// Walks through `directory`, links followed. Repositories are left out.
  mutating func add(_ directory: String) throws {
    var waiting = [directory]
    while let path = waiting.popLast() {
      var info = stat()
      guard stat(path, &info) == 0 else {
        note(path, String(cString: strerror(errno)))
        continue
      }
      let identity = Identity(device: UInt64(info.st_dev), inode: UInt64(info.st_ino))
      guard seen.insert(identity).inserted, access(path + "/cairn.json", F_OK) != 0 else { continue }
      guard let names = names(in: path) else { continue }
      for name in names { look(at: path == "/" ? "/" + name : path + "/" + name, &waiting) }
    }
  }

  private mutating func look(at path: String, _ waiting: inout [String]) {
    var info = stat()
    // A link to nothing holds nothing.
    guard stat(path, &info) == 0 else { return }
    switch info.st_mode & S_IFMT {
    case S_IFDIR: waiting.append(path)
    case S_IFREG:
      let name = path.split(separator: "/").last ?? ""
      if name.hasPrefix(".cairn-"), time(nil) - info.st_mtim.tv_sec < Self.abandonedAge {
        let directory = parentDirectory(of: path)
        busy.insert(resolvedPath(directory) ?? directory)
      }
      add(file: path)
    default: break
    }
  }

  /// Whether something is being written in the directory of `file`.
  func isBusy(around file: String) -> Bool {
    let directory = parentDirectory(of: file)
    return busy.contains(resolvedPath(directory) ?? directory)
  }

  /// Looks at one file.
  mutating func add(file path: String) {
    do {
      guard let pointer = try Pointer.readHeld(path) else { return }
      held.formUnion(pointer.held)
      count += 1
    } catch {
      unreadable.append("\(error)")
    }
  }

  private mutating func note(_ path: String, _ problem: String) { unreadable.append("\(path): \(problem)") }

  private mutating func names(in path: String) -> [String]? {
    guard let directory = opendir(path) else {
      note(path, "cannot be listed: \(String(cString: strerror(errno)))")
      return nil
    }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      if let name {
        if name != "." && name != ".." { names.append(name) }
      } else {
        note(path, "a file in it has a name that is not UTF-8")
      }
      errno = 0
    }
    if errno != 0 { note(path, "cannot be listed: \(String(cString: strerror(errno)))") }
    return names
  }
}
