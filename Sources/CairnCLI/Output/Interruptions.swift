import Foundation

/// What ends a command that has no end of its own.
enum Interruptions {
  /// Calls `handler`, on a thread made for that, for the first two of SIGINT (Control-C), SIGTERM and SIGHUP; a third one
  /// ends the process.
  ///
  /// To be called before other threads are made: these would take the signals.
  static func handle(_ handler: @escaping @Sendable () -> Void) {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waiting = signals
    let thread = Thread {
      var waiting = waiting
      var number: Int32 = 0
      for _ in 0..<2 {
        guard sigwait(&waiting, &number) == 0 else { return }
        handler()
      }
      guard sigwait(&waiting, &number) == 0 else { return }
      _exit(128 + number)
    }
    thread.start()
  }
}
