import Glibc
import Synchronization

/// Runs `body` on `count` plain threads, and returns when all are through; the first error thrown is thrown.
///
/// Plain threads, made for the work and joined at its end: a child forked from this process has no use for a pool of
/// its parent's, and a dispatch queue there may never run.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  if count <= 1 { return try body(0) }
  let failure = Mutex<(any Error)?>(nil)
  try withoutActuallyEscaping(body) { body in
    var threads: [pthread_t] = []
    var refused: Int32 = 0
    for index in 0..<count {
      let work = Unmanaged.passRetained(
        Work {
          do { try body(index) } catch { failure.withLock { if $0 == nil { $0 = error } } }
        })
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { pointer in
          if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().run() }
          return nil
        }, work.toOpaque())
      if code == 0 {
        threads.append(thread)
      } else {
        work.release()
        refused = code
        break
      }
    }
    // With fewer threads than wanted the work goes on, as long as there is one: the bodies share a queue.
    if threads.isEmpty { throw CairnError.system("start a thread", "worker", refused) }
    for thread in threads { pthread_join(thread, nil) }
  }
  if let error = failure.withLock({ $0 }) { throw error }
}

/// Calls `body` once for each index below `total`, on up to `threads` threads; stops early after an error.
func forEachIndex(_ total: Int, threads: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  try forEachIndex(total, threads: threads, buffers: 0) { index, _ in try body(index) }
}

/// The same; each thread has one buffer of `byteCount` bytes and gives it to each call.
private func forEachIndex(
  _ total: Int, threads: Int, buffers byteCount: Int,
  _ body: @escaping @Sendable (Int, UnsafeMutableRawBufferPointer) throws -> Void
) throws {
  if total == 0 { return }
  let next = Atomic(0)
  let failed = Atomic(false)
  try onThreads(min(threads, total)) { _ in
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4_096)
    defer { buffer.deallocate() }
    while !failed.load(ordering: .relaxed) {
      let index = next.add(1, ordering: .relaxed).oldValue
      if index >= total { return }
      do {
        try body(index, buffer)
      } catch {
        failed.store(true, ordering: .relaxed)
        throw error
      }
    }
  }
}

/// Calls `body` once for each index below `total`, on plain threads, a few more than there are cores; the first error
/// thrown is thrown, and no more indexes are begun after it.
public func inParallel(_ total: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  try forEachIndex(total, threads: workerCount, body)
}

/// The same for a body that needs memory: each thread has one buffer of `byteCount` bytes, which begins at a page, and gives
/// it to each call. Taken for each call anew, the buffers of a few threads would come to several times their size.
public func inParallel(
  _ total: Int, buffers byteCount: Int, _ body: @escaping @Sendable (Int, UnsafeMutableRawBufferPointer) throws -> Void
) throws {
  try forEachIndex(total, threads: workerCount, buffers: byteCount, body)
}

/// How many threads read, hash and write in one save or verification: more than there are cores, so that some hash
/// while others wait for the disk; few enough that their buffers stay within 64 MiB.
var workerCount: Int { min(max(2 * coreCount, 2), 6) }

/// How many threads do what keeps a core busy.
var coreCount: Int { max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1) }

private final class Work: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
