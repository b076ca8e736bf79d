import Foundation
import Synchronization
import Testing

@testable import CairnCore

/// A child that goes on with what its parent has, forked while other threads of that use it.
///
/// Each in a process of its own: the threads of other tests take locks of Swift's runtime, and a child forked beside them
/// would wait for these, whatever is done here.
@Suite struct ForkTests {
  /// `fork` is hidden from Swift.
  private static func fork() throws -> Int32 {
    typealias Fork = @convention(c) () -> Int32
    return unsafeBitCast(try #require(dlsym(nil, "fork")), to: Fork.self)()
  }

  /// Runs `body` in a child; whether it came back with `true`, and within a minute.
  private static func inChild(_ body: () -> Bool) throws -> Bool {
    let child = try fork()
    if child == 0 { _exit(body() ? 0 : 1) }
    var status: Int32 = 0
    for _ in 0..<60_000 {
      if waitpid(child, &status, WNOHANG) == child { return status == 0 }
      usleep(1_000)
    }
    kill(child, SIGKILL)
    waitpid(child, &status, 0)
    return false
  }

  private final class Guarded: Sendable {
    let count = Mutex(0)
  }

  @Test func aLockThatAnotherThreadHadIsNotWaitedFor() async {
    await #expect(processExitsWith: .success) {
      let shared = PerProcess { Guarded() }
      let isHeld = Atomic(false)
      let isOver = Atomic(false)
      try onThreads(2) { index in
        if index == 0 {
          shared.value.count.withLock { count in
            count = 1
            isHeld.store(true, ordering: .sequentiallyConsistent)
            while !isOver.load(ordering: .sequentiallyConsistent) { usleep(1_000) }
          }
        } else {
          defer { isOver.store(true, ordering: .sequentiallyConsistent) }
          while !isHeld.load(ordering: .sequentiallyConsistent) { usleep(1_000) }
          let isFresh = try ForkTests.inChild {
            shared.value.count.withLock { $0 == 0 } && shared.value === shared.value
          }
          #expect(isFresh)
        }
      }
      #expect(shared.value.count.withLock { $0 } == 1, "the parent keeps its own")
    }
  }

  @Test func chunksAreRememberedInAChildOfABusyParent() async {
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      let repository = try scratch.repository()
      let content = bytes(70_000, seed: 1)
      let print = try #require(content.withUnsafeBytes { repository.chunkMemory.fingerprint(of: $0) })
      let digest = Digest(hashing: content)
      let startsAfresh = { @Sendable in
        guard repository.chunkMemory.isEmpty, repository.chunkMemory.digest(of: print) == nil else { return false }
        repository.chunkMemory.remember(print, digest)
        return repository.chunkMemory.digest(of: print) == digest
      }
      // Here first, before there are threads: what a type needs is made under a lock of the runtime at its first use.
      #expect(startsAfresh())
      let isOver = Atomic(false)
      try onThreads(4) { index in
        if index > 0 {
          while !isOver.load(ordering: .relaxed) {
            repository.chunkMemory.remember(print, digest)
            _ = repository.chunkMemory.digest(of: print)
          }
        } else {
          defer { isOver.store(true, ordering: .relaxed) }
          for _ in 0..<100 {
            let isSound = try ForkTests.inChild(startsAfresh)
            #expect(isSound)
            if !isSound { return }
          }
        }
      }
      #expect(repository.chunkMemory.digest(of: print) == digest)
    }
  }
}
