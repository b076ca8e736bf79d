import Foundation
import Glibc
import Synchronization
import Testing

@testable import CairnCore

/// `cairn backup` as a process that is killed, and whose calls are watched.
@Suite struct BackupProcessTests {
  /// The program, if it was built beside these tests.
  private static let program: String? = {
    let arguments = CommandLine.arguments
    let bundle = arguments.firstIndex(of: "--test-bundle-path").map { arguments[min($0 + 1, arguments.count - 1)] }
    return [bundle, arguments[0], try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")]
      .compactMap { $0.map { PathName.parent(PathName.absolute($0)) + "/cairn" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  private func start(_ command: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Killed at any moment, the place holds nothing yet, or the last whole backup, or the new one.
  @Test(arguments: [[], ["--copy"]])
  func aBackupThatIsKilledLeavesAWholeOne(_ arguments: [String]) throws {
    guard let program = Self.program else { return }
    let pair = try BackupPair()
    let isOver = Atomic(false)
    try onThreads(2) { thread in
      if thread > 0 { return try DrillContent.churn(pair.scratch.path, seed: 5, isOver) }
      defer { isOver.store(true, ordering: .relaxed) }
      var random = SeededGenerator(seed: UInt64(arguments.count))
      var (killed, longest) = (0, 200_000)
      for round in 0..<15 {
        let process = try start([program, "backup", pair.backup, "--repo", pair.source.path] + arguments)
        usleep(useconds_t.random(in: 0...useconds_t(longest), using: &random))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal { killed += 1 } else { longest = max(longest * 9 / 10, 10_000) }
        guard try Files.exists(pair.backup + "/cairn.json") else { continue }
        let copy = try pair.opened()
        try copy.expectWholeDrillCopy()
        // Not always: the next one finds an index that is behind, or none.
        if round % 3 == 0 { IndexCopy.delete(copy) }
        copy.close()
      }
      #expect(killed > 5)
    }
    _ = try pair.source.backup(to: pair.backup)
    #expect(try pair.opened().listing() == pair.source.listing())
    try pair.opened().expectWholeDrillCopy()
    #expect(pair.files() == pair.scratch.blobFiles())
    #expect(try Files.names(in: pair.backup + "/tmp").isEmpty)
  }

  @Test func controlCStopsABackup() throws {
    guard let program = Self.program else { return }
    let pair = try BackupPair()
    try pair.source.save([bytes(70_000, seed: 1)], "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.source.save([bytes(70_000, seed: 2)], "b")
    // It waits for the lock of the place.
    let lock = try FileLock.acquire(pair.backup + "/lock", mode: 0o644, onWait: {})
    let process = try start([program, "backup", pair.backup, "--repo", pair.source.path])
    while try process.isRunning && Files.names(in: pair.backup + "/tmp").isEmpty { usleep(1_000) }
    usleep(100_000)
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    lock.release()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 1)
    #expect(try Files.names(in: pair.backup + "/tmp") == [])
    try pair.opened().expectSound(["a@1": [bytes(70_000, seed: 1)]])
  }

  /// The log gets its name last, and only when all that it names has, durably.
  @Test(arguments: [[], ["--copy"]])
  func theLogComesLast(_ arguments: [String]) throws {
    guard let program = Self.program, FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") else { return }
    let pair = try BackupPair()
    try pair.source.save([bytes(150_000, seed: 1), bytes(10, seed: 2)], "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.source.save([bytes(150_000, seed: 3), bytes(10, seed: 4)], "b")
    let before = pair.files()
    let trace = pair.scratch.path + "/trace"
    let process = try start(
      ["/usr/bin/strace", "-f", "-y", "-o", trace, "-e", "trace=rename,link,fsync,pwrite64", program, "backup"]
        + [pair.backup, "--repo", pair.source.path] + arguments)
    process.waitUntilExit()
    let text = try String(contentsOfFile: trace, encoding: .utf8)
    if text.isEmpty { return }
    #expect(process.terminationStatus == 0)
    // A call counts from when it has ended: what was begun on one thread may end on a later line.
    var (calls, begun) = ([(name: String, paths: [String])](), [Substring: Substring]())
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      guard parts.count == 2 else { continue }
      var call = parts[1].drop { $0 == " " }
      if call.hasPrefix("<... ") { call = begun.removeValue(forKey: parts[0]) ?? "" }
      if call.hasSuffix("<unfinished ...>") {
        begun[parts[0]] = call.dropLast("<unfinished ...>".count)
        continue
      }
      guard let open = call.firstIndex(of: "("), call.hasPrefix("rename") || !call.hasSuffix("ENOENT") else { continue }
      let isNamed = call.hasPrefix("rename") || call.hasPrefix("link")
      let paths =
        isNamed
        ? call.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
          .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        : [String(call.split(separator: "<").dropFirst().first?.split(separator: ">").first ?? "")]
      calls.append((String(call[..<open]), paths))
    }
    let log = try #require(calls.lastIndex { $0.name == "rename" && $0.paths.last == pair.backup + "/log.jsonl" })
    let own = calls[log].paths[0]
    let written = try #require(calls.lastIndex { $0.name == "pwrite64" && $0.paths == [own] })
    let synced = try #require(calls.lastIndex { $0.name == "fsync" && $0.paths == [own] })
    #expect(written < synced && synced < log)
    #expect(calls[log...].contains { $0.name == "fsync" && $0.paths == [pair.backup] })
    let new = pair.files().subtracting(before)
    #expect(new.count == 5)
    for file in new {
      let path = pair.backup + "/blobs/" + file
      let named = try #require(calls.lastIndex { $0.name == "rename" && $0.paths.last == path })
      let directory = try #require(
        calls.lastIndex { $0.name == "fsync" && $0.paths == [PathName.parent(path)] })
      #expect(named < directory && directory < log)
      if !arguments.isEmpty {
        let temporary = calls[named].paths[0]
        let written = try #require(calls.lastIndex { $0.name == "pwrite64" && $0.paths == [temporary] })
        let synced = try #require(calls.lastIndex { $0.name == "fsync" && $0.paths == [temporary] })
        #expect(written < synced && synced < named)
      }
    }
    // What was there before: nobody knows who brought it.
    for file in before {
      let path = pair.backup + "/blobs/" + file
      #expect(calls[..<log].contains { $0.name == "fsync" && $0.paths == [path] }, "\(file)")
    }
  }
}
