import CairnSystem
import Glibc

/// An exclusive `flock`, held from ``acquire(_:onWait:)`` to ``release()``.
///
/// The kernel frees it when the process dies; a forked child closes its copy of the descriptor at once.
final class FileLock: Sendable {
  private let file: OpenFile

  private init(_ file: OpenFile) { self.file = file }

  /// Takes the lock on the file at `path`, which is made if it is missing.
  ///
  /// The file is opened anew each time, and looked at again once the lock is held: somebody may have put another file
  /// in its place while this waited, and two files are two locks. `onWait` is called once, after 5 seconds.
  /// `whileWaiting`, if given, is called between attempts, and ends the wait by throwing.
  static func acquire(
    _ path: String, mode: mode_t, whileWaiting: (() throws -> Void)? = nil, onWait: () -> Void
  ) throws -> FileLock {
    var waited = 0
    var hasSaidSo = false
    while true {
      let file = try open(path, mode: mode)
      // A call that blocks could not be called off.
      let mayBlock = whileWaiting == nil
      while retrying({ flock(file.descriptor, waited < 5_000 || !mayBlock ? LOCK_EX | LOCK_NB : LOCK_EX) }) != 0 {
        guard errno == EWOULDBLOCK else { throw lockFailure(path) }
        try whileWaiting?()
        let pause = waited < 100 ? 1 : 5
        usleep(useconds_t(pause * 1_000))
        waited += pause
        if waited >= 5_000, !hasSaidSo {
          hasSaidSo = true
          onWait()
        }
      }
      if try Files.status(path)?.identity == file.status().identity {
        try guardAgainstFork(file)
        return FileLock(file)
      }
    }
  }

  /// Takes the lock on a file or directory that is there, if nobody has it; nil if somebody has, or it has gone.
  static func tryAcquire(_ path: String, directory: Bool = false) throws -> FileLock? {
    let file: OpenFile
    do {
      file = try OpenFile(path, O_RDONLY | (directory ? O_DIRECTORY : 0))
    } catch let error as CairnError where error.kind == .missing {
      return nil
    }
    guard retrying({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
      if errno == EWOULDBLOCK { return nil }
      throw lockFailure(path)
    }
    guard try Files.status(path)?.identity == file.status().identity else { return nil }
    try guardAgainstFork(file)
    return FileLock(file)
  }

  /// Takes a shared lock on a file that is there: several may have one, and no exclusive one is given meanwhile. It is
  /// for copying what others may write and this user may not.
  static func acquireShared(_ path: String) throws -> FileLock {
    let file = try OpenFile(path, O_RDONLY)
    guard retrying({ flock(file.descriptor, LOCK_SH) }) == 0 else { throw lockFailure(path) }
    try guardAgainstFork(file)
    return FileLock(file)
  }

  func release() {
    cairn_keep_in_child(file.descriptor)
    // Explicitly: a descriptor that leaked into another process would hold the lock as long as that lives.
    flock(file.descriptor, LOCK_UN)
  }

  deinit { release() }

  private static func open(_ path: String, mode: mode_t) throws -> OpenFile {
    // Read-only opens suffice for flock, and let a group member lock a file that another user made; NFS wants a
    // writable descriptor for an exclusive lock, so that is tried first.
    if let file = try? OpenFile(path, O_RDWR) { return file }
    if try Files.exists(path) { return try OpenFile(path, O_RDONLY) }
    let file = try OpenFile(path, O_RDWR | O_CREAT, mode: mode)
    // The creator's umask may be tighter than the repository's mode; somebody else's file stays as it is.
    try? file.setMode(mode)
    return file
  }

  private static func guardAgainstFork(_ file: OpenFile) throws {
    guard cairn_close_in_child(file.descriptor) == 0 else { throw CairnError.system("guard against fork", file.path) }
  }

  private static func lockFailure(_ path: String) -> CairnError {
    let code = errno
    if code == ENOLCK || code == EOPNOTSUPP || code == ENOSYS {
      return CairnError(
        .unsupportedFilesystem, "\(path): this filesystem does not support flock",
        advice: "put the repository on a filesystem that does, or mount it with locks")
    }
    return CairnError.system("lock", path, code)
  }
}
