import GRDBSQLite
import Glibc
import Synchronization

/// Interrupts what SQLite does on a connection when its time is up, from a thread of its own: SQLite asks its progress
/// handler only once in a while, and while it sorts not at all.
///
/// A plain thread that is joined when this goes, as all others here.
final class QueryWatchdog {
  /// What the thread has.
  private final class Watch: @unchecked Sendable {
    // Unchecked: a connection may be interrupted from any thread, and the semaphore is one.
    let connection: OpaquePointer
    let end = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    /// When the time is up, in nanoseconds since ``start``; the largest number while nothing is being done.
    let deadline = Atomic(Int64.max)
    let start = ContinuousClock.now

    init(_ connection: OpaquePointer) {
      self.connection = connection
      sem_init(end, 0, 0)
    }

    deinit {
      sem_destroy(end)
      end.deallocate()
    }

    func run() {
      while !isOver(after: 20_000_000) {
        if nanoseconds(ContinuousClock.now) > deadline.load(ordering: .sequentiallyConsistent) {
          sqlite3_interrupt(connection)
        }
      }
    }

    /// Whether the end has come within some nanoseconds, less than a second.
    private func isOver(after pause: Int) -> Bool {
      var time = timespec()
      clock_gettime(CLOCK_REALTIME, &time)
      time.tv_nsec += pause
      if time.tv_nsec >= 1_000_000_000 {
        time.tv_sec += 1
        time.tv_nsec -= 1_000_000_000
      }
      return sem_timedwait(end, &time) == 0
    }

    func nanoseconds(_ time: ContinuousClock.Instant) -> Int64 {
      let (seconds, attoseconds) = (time - start).components
      let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
      return overflows ? .max : whole &+ attoseconds / 1_000_000_000
    }
  }

  private let watch: Watch
  private let thread: pthread_t
  private let process = getpid()

  init(_ connection: OpaquePointer) throws {
    watch = Watch(connection)
    var thread = pthread_t()
    let held = Unmanaged.passRetained(watch)
    let code = pthread_create(
      &thread, nil,
      { pointer in
        if let pointer { Unmanaged<Watch>.fromOpaque(pointer).takeRetainedValue().run() }
        return nil
      }, held.toOpaque())
    guard code == 0 else {
      held.release()
      throw CairnError.system("start a thread", "query", code)
    }
    self.thread = thread
  }

  deinit {
    // A child that was forked meanwhile has no such thread.
    guard process == getpid() else { return }
    sem_post(watch.end)
    pthread_join(thread, nil)
  }

  /// From now on there is something to interrupt, at `deadline`.
  func begin(deadline: ContinuousClock.Instant) {
    watch.deadline.store(watch.nanoseconds(deadline), ordering: .sequentiallyConsistent)
  }

  /// There is nothing any more.
  func end() { watch.deadline.store(.max, ordering: .sequentiallyConsistent) }
}
