import Glibc

/// A directory of this writer's own in `tmp/`, locked for as long as the writer lives: `gc` removes one whose lock it
/// gets.
///
/// The lock is on a file in it: NFS gives no exclusive lock on a directory.
final class WriterDirectory: Sendable {
  static let lockName = "writer"

  let path: String
  private let lock: FileLock
  private let fileMode: mode_t
  private let writesUncached: Bool

  init(repository: String, modes: Modes) throws {
    let parent = repository + "/tmp"
    while true {
      // Somebody may have emptied the repository of it: it holds nothing that lasts.
      try Files.makeDirectory(parent, mode: modes.directory)
      let path = parent + "/" + randomID(bytes: 8)
      do {
        guard try Files.makeDirectory(path, mode: modes.directory) else { continue }
        // Looks, once it has the lock, whether the path still is it: `gc` may have come between.
        lock = try FileLock.acquire(path + "/" + Self.lockName, mode: modes.file, onWait: {})
      } catch let error as CairnError where error.kind == .missing {
        continue
      }
      self.path = path
      fileMode = modes.blob
      writesUncached = Filesystem.suitsUncachedFiles(path)
      return
    }
  }

  /// Writes a file and makes its content durable (its name is not: it is renamed into place first).
  ///
  /// It is left in the page cache if it is to be `cached`, and where the filesystem has no other way.
  func write(_ name: String, _ contents: UnsafeRawBufferPointer, cached: Bool = false) throws -> String {
    let path = path + "/" + name
    // A second attempt at a save writes some files again; and what is there under that name may not be ours.
    try Files.unlink(path)
    let file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: fileMode | S_IWUSR)
    try file.setMode(fileMode)
    if writesUncached && !cached { try file.writeUncached(contents) } else { try file.writeBeginning(contents, at: 0) }
    try file.sync()
    return path
  }

  /// Removes a writer's directory if no writer has it any more; false if one has.
  static func removeIfAbandoned(_ path: String) throws -> Bool {
    // Made if it is missing: a directory that is just being made, or was half removed, has none yet or any more. Its
    // maker then waits for it, finds it gone, and makes another.
    guard let lock = try FileLock.tryAcquire(path + "/" + lockName, creating: true) else { return false }
    defer { lock.release() }
    return try Files.removeFlatDirectory(path, last: lockName)
  }

  /// Removes the directory and what is left in it.
  func remove(eachDone: @escaping @Sendable () -> Void = {}) throws {
    try Files.removeFlatDirectory(path, last: Self.lockName, eachDone: eachDone)
    lock.release()
  }

  deinit {
    // What cannot be removed now is for `gc`.
    _ = try? Files.removeFlatDirectory(path, last: Self.lockName)
  }
}

/// The modes of what is made in a repository: they follow the repository's own directory, so that a group can share it.
struct Modes: Sendable {
  var directory: mode_t
  var file: mode_t
  /// Blobs are never changed, so they are not writable.
  var blob: mode_t

  init(following repository: FileStatus) {
    directory = repository.mode & 0o7777
    file = repository.mode & 0o666
    blob = repository.mode & 0o444
  }
}
