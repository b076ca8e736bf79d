import Foundation
import Testing

@testable import CairnCore

/// The `cairn` program as processes of its own: several at once, and one whose calls are watched.
@Suite struct ProcessTests {
  /// The program, if it was built beside these tests.
  private static let program: String? = {
    let arguments = CommandLine.arguments
    let bundle = arguments.firstIndex(of: "--test-bundle-path").map { arguments[min($0 + 1, arguments.count - 1)] }
    return [bundle, arguments[0], try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")]
      .compactMap { $0.map { PathName.parent(PathName.absolute($0)) + "/cairn" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  @discardableResult
  private func run(_ command: [String], in directory: String) throws -> Int32 {
    try start(command, in: directory)()
  }

  private func start(_ command: [String], in directory: String) throws -> () -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(filePath: directory)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return {
      process.waitUntilExit()
      return process.terminationStatus
    }
  }

  private func write(_ content: [UInt8], _ path: String) throws {
    try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC).write(content, at: 0)
  }

  @Test(arguments: JournalMode.allCases)
  func processesThatSaveAndRemoveAtOnceEndWithEverythingSound(_ journal: JournalMode) throws {
    guard let program = Self.program else { return }
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    for name in 0..<4 {
      try write(bytes(150_000, seed: UInt64(name % 2)) + bytes(90_000, seed: UInt64(name)), scratch.path + "/f\(name)")
    }
    let loops = (0..<3).map { number in
      """
      for i in 1 2 3 4 5 6; do
        "\(program)" save f$(( (i + \(number)) % 4 )) --as p --keep-versions 2 || exit 1
        "\(program)" save f$(( i % 4 )) --as q\(number) || exit 1
        if [ $i = 3 ]; then "\(program)" gc || exit 1; "\(program)" rm --force q\(number) || exit 1; fi
        if [ $i = 4 ] && [ \(number) = 1 ]; then rm -f .cairn/index.sqlite; fi
      done
      """
    }
    let waits = try loops.map { try start(["sh", "-c", $0], in: scratch.path) }
    for _ in 0..<10 { try repository.save([bytes(150_000, seed: 1)], "mine", keep: 1) }
    for wait in waits { #expect(wait() == 0) }
    var options = VerifyOptions()
    options.readData = true
    #expect(try repository.verify(options).problems == [])
    #expect(try repository.wrongCounts() == [])
    #expect(try repository.checkpoints(paths: ["p"]).map(\.version) == [18, 17])
    #expect(try repository.checkpoints(paths: ["mine"]).map(\.version) == [10])
    _ = try repository.collectGarbage()
    for record in try repository.checkpoints() { _ = try repository.load(record.name) }
  }

  // MARK: What is done in which order

  /// A call of the operating system, on one path or from one to another.
  private struct Call {
    var name: String
    var path: String
    var target = ""
  }

  /// The calls of `cairn` with these arguments below the repository; nil where they cannot be watched. An fsync counts
  /// from when it has ended, everything else from when it has begun.
  private func calls(_ arguments: [String], in directory: String) throws -> [Call]? {
    guard let program = Self.program, FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") else {
      return nil
    }
    let trace = directory + "/trace"
    let traced = "openat,rename,renameat,renameat2,fsync,fdatasync,write,pwrite64,link,unlink,unlinkat,mkdir"
    let status = try run(
      ["strace", "-f", "-y", "-s", "4096", "-e", "trace=" + traced, "-o", trace, program] + arguments, in: directory)
    let text = try String(contentsOfFile: trace, encoding: .utf8)
    if text.isEmpty { return nil }
    #expect(status == 0)
    var calls: [Call] = []
    var syncing: [Substring: Call] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      guard parts.count == 2 else { continue }
      let (process, rest) = (parts[0], parts[1].drop { $0 == " " })
      if rest.hasPrefix("<... fsync resumed") || rest.hasPrefix("<... fdatasync resumed") {
        #expect(rest.hasSuffix("= 0"))
        if let call = syncing.removeValue(forKey: process) { calls.append(call) }
        continue
      }
      guard let open = rest.firstIndex(of: "("), !rest.hasPrefix("<") else { continue }
      let name = String(rest[..<open])
      if name.hasSuffix("sync") || name.contains("write") {
        // fsync(7</path>) = 0
        guard let from = rest.firstIndex(of: "<"), let to = rest[from...].firstIndex(of: ">") else { continue }
        let call = Call(name: name, path: String(rest[rest.index(after: from)..<to]))
        if name.hasSuffix("sync"), rest.hasSuffix("<unfinished ...>") {
          syncing[process] = call
        } else {
          calls.append(call)
        }
      } else if !rest.hasSuffix("(No such file or directory)") {
        let quoted = rest.split(separator: "\"", omittingEmptySubsequences: false)
        guard quoted.count > 1 else { continue }
        calls.append(Call(name: name, path: String(quoted[1]), target: quoted.count > 3 ? String(quoted[3]) : ""))
      }
    }
    return calls.filter { ($0.path + $0.target).contains("/.cairn/") }
  }

  private struct Order {
    let calls: [Call]
    let repository: String

    func first(_ name: String, _ path: String, after: Int = -1) -> Int? {
      calls.indices.first { $0 > after && calls[$0].name == name && calls[$0].path == path }
    }

    /// Checks a save's calls up to its line, and returns the place of the fsync that commits it.
    func checkCommit() throws -> Int {
      let log = repository + "/log.jsonl"
      let write = try #require(calls.lastIndex { $0.name == "pwrite64" && $0.path == log })
      let commit = try #require(first("fsync", log, after: write))
      let renames = calls.indices.filter { calls[$0].name.hasPrefix("rename") && calls[$0].target.contains("/blobs/") }
      for index in renames {
        let call = calls[index]
        let content = try #require(first("fsync", call.path), "\(call.path) was never made durable")
        #expect(content < index, "content before name")
        let name = try #require(
          first("fsync", PathName.parent(call.target), after: index), "the name \(call.target) was never made durable")
        #expect(name < write, "names before the line")
      }
      // But for what a writer puts in its own directory's place.
      let early = calls[..<commit].filter { $0.name.hasPrefix("unlink") && !$0.path.contains("/tmp/") }.map(\.path)
      #expect(early == [], "nothing is unlinked before the line")
      #expect(!calls[..<commit].contains { $0.name.hasPrefix("rename") && $0.path.contains("/blobs/") })
      let index = try #require(
        calls.firstIndex {
          // Not what it writes to be able to undo it: its transaction is open while the line is appended.
          $0.name == "pwrite64" && [repository + "/index.sqlite", repository + "/index.sqlite-wal"].contains($0.path)
        })
      #expect(commit < index, "the index follows the line")
      return commit
    }

    /// Checks that blobs leave their place after `commit`, and are unlinked after the index has said so.
    func checkSweep(after commit: Int) throws {
      let renames = calls.indices.filter { calls[$0].name.hasPrefix("rename") && calls[$0].path.contains("/blobs/") }
      let moved = Set(renames.map { calls[$0].target })
      let unlinks = calls.indices.filter { calls[$0].name.hasPrefix("unlink") && moved.contains(calls[$0].path) }
      #expect(!renames.isEmpty)
      #expect(renames.allSatisfy { $0 > commit })
      #expect(!unlinks.isEmpty)
      #expect(!calls.contains { $0.name.hasPrefix("unlink") && $0.path.contains("/blobs/") })
      let index = try #require(
        calls.lastIndex { $0.name.contains("write") && $0.path.hasPrefix(repository + "/index.sqlite") })
      let last = try #require(renames.last)
      #expect(last < index)
      #expect(unlinks.allSatisfy { $0 > last })
    }
  }

  @Test(arguments: JournalMode.allCases)
  func everythingIsDurableBeforeTheLineAndNothingUnlinkedBeforeIt(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    // With an index: making it anew rewrites the log's last line.
    try repository.reindex()
    let shared = bytes(200_000, seed: 1)
    try write(shared, scratch.path + "/one")
    try write(shared + bytes(100, seed: 2), scratch.path + "/two")
    try write(bytes(300_000, seed: 3), scratch.path + "/three")
    guard let first = try calls(["save", "one", "--as", "a"], in: scratch.path) else { return }
    let saving = Order(calls: first, repository: repository.path)
    _ = try saving.checkCommit()
    #expect(first.filter { $0.name.hasPrefix("rename") && $0.target.contains("/blobs/") }.count == 5)

    // What is shared is made durable again: nobody may have done so.
    let second = Order(
      calls: try #require(try calls(["save", "two", "--as", "b"], in: scratch.path)), repository: repository.path)
    _ = try second.checkCommit()
    let write = try #require(second.first("pwrite64", repository.logPath))
    for chunk in 0..<3 {
      let path = repository.blobs.path(Digest(hashing: shared[chunk * 65_536..<(chunk + 1) * 65_536]), .raw)
      #expect(try #require(second.first("fsync", path)) < write)
      #expect(try #require(second.first("fsync", PathName.parent(path))) < write)
    }

    let replacing = Order(
      calls: try #require(try calls(["save", "three", "--as", "b", "--keep-versions", "1"], in: scratch.path)),
      repository: repository.path)
    try replacing.checkSweep(after: replacing.checkCommit())

    let removing = try #require(try calls(["rm", "b"], in: scratch.path))
    let removal = Order(calls: removing, repository: repository.path)
    let line = try #require(removal.first("pwrite64", repository.logPath))
    try removal.checkSweep(after: try #require(removal.first("fsync", repository.logPath, after: line)))
    #expect(try repository.names() == ["a@1"])
  }

  /// Lines that the index has not applied are written again before anything is done on their word.
  @Test func linesThatTheIndexHasNotAppliedAreWrittenOnceMore() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([bytes(9_000, seed: 1)], "a")
    let old = try IndexCopy(repository)
    try repository.save([bytes(9_000, seed: 2)], "b")
    repository.close()
    try old.putBack(repository, .whole)
    guard let behind = try calls(["gc"], in: scratch.path) else { return }
    let log = repository.logPath
    let order = Order(calls: behind, repository: repository.path)
    let write = try #require(order.first("pwrite64", log))
    let sync = try #require(order.first("fsync", log, after: write))
    #expect(!behind[..<sync].contains { $0.name == "pwrite64" && $0.path.hasSuffix("-wal") })
    // And a rebuild does so with the last line.
    IndexCopy.delete(repository)
    let rebuilt = Order(
      calls: try #require(try calls(["log"], in: scratch.path)), repository: repository.path)
    let again = try #require(rebuilt.first("pwrite64", log))
    let durable = try #require(rebuilt.first("fsync", log, after: again))
    let place = try #require(
      rebuilt.calls.firstIndex { $0.name.hasPrefix("rename") && $0.target == repository.indexPath })
    #expect(durable < place)
    #expect(try repository.names() == ["a@1", "b@1"])
  }
}
