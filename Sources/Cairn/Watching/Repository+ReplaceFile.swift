import CairnCore
import CairnFormats
import CairnSystem
import Glibc

extension Repository {
  /// What came of putting a pointer in a file's place.
  enum Replacement {
    case replaced
    /// The file stays; why.
    case kept(String)
  }

  /// Puts a pointer to a checkpoint that was saved from the file at `path` in its place, durably, unless the file has
  /// changed since.
  ///
  /// The two are swapped, and what came out is looked at where nobody finds it: a trainer may put the next checkpoint
  /// there at any moment. Where the filesystem cannot swap, the file is looked at right before the pointer gets its name.
  ///
  /// - Parameters:
  ///   - stamp: What was at the path when it was saved.
  ///   - earlier: Ids of older versions that the pointer holds too.
  /// - Throws: ``CairnError``; then the file is where it was.
  func replace(
    fileAt path: String, _ stamp: FileStamp, with record: CheckpointRecord, earlier: [String]
  ) throws -> Replacement {
    let file = PathName.absolute(path)
    let directory = parentDirectory(of: file)
    guard let realDirectory = resolvedPath(directory) else { return .kept("its directory is gone") }
    let stored = try StoredCheckpoint(repository: self.path, id: configuration.id, manifest: record.manifest)
    let locations: [String]
    do {
      locations = try Self.locations(of: stored)
    } catch let error as CairnError where error.kind == .invalid {
      return .kept("only a PyTorch file can be replaced by a pointer: nothing could follow one to anything else")
    }
    let pointer = Pointer(
      repository: configuration.id, place: self.path,
      relative: relativePath(of: resolvedPath(self.path) ?? self.path, from: realDirectory),
      checkpoint: record.id, manifest: record.manifest, name: record.name, run: record.run, earlier: earlier,
      locations: locations)
    guard Self.isOnly(file, stamp) else { return .kept(Self.changed) }
    let bytes = try pointer.container()
    let output = try Output(file, overwrite: true)
    do {
      let temporary = try OutputFile(output.temporary)
      try bytes.withUnsafeBytes { try temporary.write($0, at: 0) }
      try temporary.setMode(following: file)
      try temporary.finish()
      guard try Self.swap(output, stamp) else {
        output.discard()
        return .kept(Self.changed)
      }
    } catch {
      // Whatever lies there now: if it is no pointer, it is the file that somebody needs.
      if let found = try? Pointer.read(output.temporary), found.checkpoint == pointer.checkpoint { output.discard() }
      throw error
    }
    KnownRepositories(environment: RepositoryDiscovery().environment).note(configuration.id, at: self.path)
    return .replaced
  }

  private static let changed = "it has changed since it was saved, or has another hard link"

  /// Whether the file is the one that was saved, has no other name, and nobody is writing to it.
  private static func isOnly(_ path: String, _ stamp: FileStamp) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && FileStamp(info) == stamp
      && info.st_nlink == 1 && !OpenWriters.has(path)
  }

  /// Puts what is at the temporary path in place of the file, and takes the file away; false if it was another one.
  private static func swap(_ output: Output, _ stamp: FileStamp) throws -> Bool {
    let (temporary, file) = (output.temporary, output.destination)
    let pointer = FileStamp(temporary)
    switch cairn_exchange(temporary, file) {
    case 0: break
    case EINVAL, ENOSYS, EOPNOTSUPP:
      guard isOnly(file, stamp) else { return false }
      try output.publishFile()
      return true
    case ENOENT: return false
    case let code: throw CairnError.system("put a pointer in the place of", file, code)
    }
    guard isOnly(temporary, stamp) else {
      try putBack(output, insteadOf: pointer)
      return false
    }
    do {
      // The pointer's name is durable before the file is gone.
      try OutputDirectory.sync(parentDirectory(of: file))
    } catch {
      try putBack(output, insteadOf: pointer)
      throw error
    }
    guard unlink(temporary) == 0 else { throw CairnError.system("unlink", temporary, errno) }
    return true
  }

  /// Gives the path back what the pointer took the place of, unless something newer has come there meanwhile.
  private static func putBack(_ output: Output, insteadOf pointer: FileStamp?) throws {
    let (temporary, file) = (output.temporary, output.destination)
    var placed = pointer
    // What comes out is what was put there before; if it is not, it is newer, and goes back in turn.
    while true {
      let next = FileStamp(temporary)
      switch cairn_exchange(temporary, file) {
      case 0:
        if FileStamp(temporary) == placed { return }
        placed = next
      case ENOENT: return  // Somebody has removed it there: then it should be gone.
      case let code: throw CairnError.system("rename back to \(file)", temporary, code)
      }
    }
  }
}

extension OutputFile {
  /// Gives it the owner and permissions of another file: whoever could read that should be able to read this.
  fileprivate func setMode(following other: String) throws {
    var info = stat()
    guard lstat(other, &info) == 0 else { return }
    // Only root can; for anybody else the file is theirs already.
    if info.st_uid != geteuid() || info.st_gid != getegid() { _ = chown(path, info.st_uid, info.st_gid) }
    guard chmod(path, info.st_mode & 0o777) == 0 else { throw CairnError.system("set the mode of", path, errno) }
  }
}
