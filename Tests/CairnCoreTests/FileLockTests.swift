import Foundation
import Synchronization
import Testing

@testable import CairnCore

@Suite struct FileLockTests {
  private func isFree(_ path: String) throws -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/flock")
    process.arguments = ["--nonblock", path, "true"]
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  @Test func itExcludesThreadsAndProcessesUntilReleased() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/lock"
    let lock = try FileLock.acquire(path, mode: 0o644, onWait: {})
    #expect(try FileLock.tryAcquire(path) == nil)
    if FileManager.default.isExecutableFile(atPath: "/usr/bin/flock") { #expect(try !isFree(path)) }
    lock.release()
    if FileManager.default.isExecutableFile(atPath: "/usr/bin/flock") { #expect(try isFree(path)) }
    #expect(try FileLock.tryAcquire(path) != nil)
    #expect(try FileLock.tryAcquire(scratch.path + "/none") == nil)
  }

  @Test func onlyOneThreadIsInsideAtATime() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/lock"
    let inside = Atomic(0)
    let count = Atomic(0)
    try onThreads(4) { _ in
      for _ in 0..<50 {
        let lock = try FileLock.acquire(path, mode: 0o644, onWait: {})
        let entered = inside.add(1, ordering: .sequentiallyConsistent).newValue
        _ = count.add(1, ordering: .relaxed)
        let left = inside.subtract(1, ordering: .sequentiallyConsistent).newValue
        #expect(entered == 1 && left == 0)
        lock.release()
      }
    }
    let total = count.load(ordering: .relaxed)
    #expect(total == 200)
  }

  /// Somebody puts another file in its place while one waits: then the new one is what has to be locked.
  @Test func aFileThatIsReplacedWhileOneWaitsIsLockedAnew() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/lock"
    let first = try FileLock.acquire(path, mode: 0o644, onWait: {})
    let isInside = Atomic(false)
    try onThreads(2) { thread in
      if thread == 0 {
        let second = try FileLock.acquire(path, mode: 0o644, onWait: {})
        isInside.store(true, ordering: .sequentiallyConsistent)
        second.release()
      } else {
        usleep(50_000)
        unlink(path)
        let other = try FileLock.acquire(path, mode: 0o644, onWait: {})
        first.release()
        usleep(50_000)
        let isTooEarly = isInside.load(ordering: .sequentiallyConsistent)
        #expect(!isTooEarly, "it has the lock of a file that is no more")
        other.release()
      }
    }
    let isThrough = isInside.load(ordering: .sequentiallyConsistent)
    #expect(isThrough)
  }

  @Test func aProcessThatDiesLeavesItFree() throws {
    let flock = "/usr/bin/flock"
    guard FileManager.default.isExecutableFile(atPath: flock) else { return }
    let scratch = try Scratch()
    let path = scratch.path + "/lock"
    let process = Process()
    process.executableURL = URL(filePath: flock)
    process.arguments = ["--no-fork", path, "sleep", "100"]
    try process.run()
    while try FileLock.tryAcquire(path) != nil || !Files.exists(path) { usleep(1_000) }
    kill(process.processIdentifier, SIGKILL)
    let lock = try FileLock.acquire(path, mode: 0o644, onWait: {})
    lock.release()
    process.waitUntilExit()
  }

  /// `fork` is hidden from Swift; what a child of a trainer (a data loader's worker) holds must not outlive its parent's.
  @Test func aForkedChildDoesNotKeepIt() throws {
    typealias Fork = @convention(c) () -> Int32
    let symbol = try #require(dlsym(nil, "fork"))
    let fork = unsafeBitCast(symbol, to: Fork.self)
    let scratch = try Scratch()
    let path = scratch.path + "/lock"
    let lock = try FileLock.acquire(path, mode: 0o644, onWait: {})
    let descriptors = try Files.names(in: "/proc/self/fd").filter {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
    }
    #expect(descriptors.count == 1)
    let child = fork()
    if child == 0 {
      pause()
      _exit(0)
    }
    defer {
      kill(child, SIGKILL)
      var status: Int32 = 0
      waitpid(child, &status, 0)
    }
    var isOpen = true
    for _ in 0..<1_000 where isOpen {
      isOpen = try Files.names(in: "/proc/\(child)/fd").contains(descriptors[0])
      usleep(1_000)
    }
    #expect(!isOpen)
    #expect(try FileLock.tryAcquire(path) == nil, "the parent still has it")
    lock.release()
  }

  @Test func directoriesOfDeadWritersGoAndThoseOfLivingStay() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let living = try WriterDirectory(repository: repository.path, modes: repository.modes)
    _ = try [UInt8](repeating: 1, count: 9).withUnsafeBytes { try living.write("blob", $0) }
    let dead = repository.path + "/tmp/dead"
    let unlocked = repository.path + "/tmp/unlocked"
    for path in [dead, unlocked] {
      try Files.makeDirectory(path)
      try OpenFile(path + "/blob", O_WRONLY | O_CREAT).write([1], at: 0)
    }
    try OpenFile(dead + "/writer", O_WRONLY | O_CREAT).write([], at: 0)
    try Files.makeDirectory(repository.path + "/tmp/empty")
    #expect(try repository.collectGarbage().temporaryDirectories == 3)
    #expect(try Files.names(in: repository.path + "/tmp").map { repository.path + "/tmp/" + $0 } == [living.path])
    #expect(try Files.exists(living.path + "/blob"))
    try living.remove()
    #expect(try Files.names(in: repository.path + "/tmp") == [])
  }
}
