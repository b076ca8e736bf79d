import CairnSystem
import Glibc

/// An exclusive `flock`, held from ``acquire(_:onWait:)`` to ``release()``.
///
/// The kernel frees it when the process dies; a forked child closes its copy of the descriptor at once.
final class FileLock: Sendable {
  private let file: OpenFile

  /// Guarded against fork before it is locked: a child forked while this waits must not keep the lock either.
  private init(guarding file: OpenFile) throws {
    self.file = file
    guard cairn_close_in_child(file.descriptor) == 0 else { throw CairnError.system("guard against fork", file.path) }
  }

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
      let lock = try FileLock(guarding: open(path, mode: mode))
      // A call that blocks could not be called off.
      while !(try lock.take(LOCK_EX, waiting: waited >= 5_000 && whileWaiting == nil)) {
        try whileWaiting?()
        let pause = waited < 100 ? 1 : 5
        usleep(useconds_t(pause * 1_000))
        waited += pause
        if waited >= 5_000, !hasSaidSo {
          hasSaidSo = true
          onWait()
        }
      }
      if try lock.isAt(path) { return lock }
    }
  }

  /// Takes the lock on a file, if nobody has it; nil if somebody has, or it has gone. `creating` makes it if it is not
  /// there, in a directory that is.
  static func tryAcquire(_ path: String, creating: Bool = false) throws -> FileLock? {
    var file = try openExisting(path)
    if file == nil, creating { file = try? OpenFile(path, O_RDWR | O_CREAT) }
    guard let file else { return nil }
    let lock = try FileLock(guarding: file)
    guard try lock.take(LOCK_EX, waiting: false), try lock.isAt(path) else { return nil }
    return lock
  }

  /// Takes a shared lock on a file that is there: several may have one, and no exclusive one is given meanwhile. It is
  /// for copying what others may write and this user may not.
  static func acquireShared(_ path: String) throws -> FileLock {
    let lock = try FileLock(guarding: OpenFile(path, O_RDONLY))
    _ = try lock.take(LOCK_SH, waiting: true)
    return lock
  }

  /// Whether the lock was to be had.
  private func take(_ kind: Int32, waiting: Bool) throws -> Bool {
    if retrying({ flock(file.descriptor, waiting ? kind : kind | LOCK_NB) }) == 0 { return true }
    if errno == EWOULDBLOCK { return false }
    throw Self.failure(file.path)
  }

  private func isAt(_ path: String) throws -> Bool {
    try Files.status(path)?.identity == file.status().identity
  }

  func release() {
    cairn_keep_in_child(file.descriptor)
    // Explicitly: a descriptor that leaked into another process would hold the lock as long as that lives.
    flock(file.descriptor, LOCK_UN)
  }

  deinit { release() }

  private static func open(_ path: String, mode: mode_t) throws -> OpenFile {
    if let file = try openExisting(path) { return file }
    let file = try OpenFile(path, O_RDWR | O_CREAT, mode: mode)
    // The creator's umask may be tighter than the repository's mode; somebody else's file stays as it is.
    try? file.setMode(mode)
    return file
  }

  /// Writable if it may be, since NFS gives no exclusive lock otherwise; read-only is enough elsewhere, and for a file
  /// that another user made. nil if there is none.
  private static func openExisting(_ path: String) throws -> OpenFile? {
    if let file = try? OpenFile(path, O_RDWR) { return file }
    do {
      return try OpenFile(path, O_RDONLY)
    } catch let error as CairnError where error.kind == .missing {
      return nil
    }
  }

  private static func failure(_ path: String) -> CairnError {
    let code = errno
    if code == ENOLCK || code == EOPNOTSUPP || code == ENOSYS {
      return CairnError(
        .unsupportedFilesystem, "\(path): this filesystem does not support flock",
        advice: "put the repository on a filesystem that does, or mount it with locks")
    }
    return CairnError.system("lock", path, code)
  }
}
