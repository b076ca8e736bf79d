import Glibc

/// Whether somebody has a file open for writing.
enum OpenWriters {
  // Linux's own commands of fcntl(2), which Swift does not import.
  private static let setSignal: Int32 = 10
  private static let setLease: Int32 = 1_024

  /// Whether somebody has the file open for writing; false if that cannot be found out: on a network filesystem, of a file
  /// of another user.
  ///
  /// The kernel gives a lease for reading only where there is no writer. It is given back at once; a writer that comes in
  /// between waits for that, and a signal is sent here that does nothing by default.
  static func has(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // Instead of SIGIO, which ends a process that has no handler for it.
    guard fcntl(descriptor, setSignal, SIGURG) == 0 else { return false }
    if fcntl(descriptor, setLease, Int32(F_RDLCK)) == 0 {
      _ = fcntl(descriptor, setLease, Int32(F_UNLCK))
      return false
    }
    return errno == EAGAIN
  }
}
