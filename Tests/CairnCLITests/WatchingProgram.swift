import Foundation
import Synchronization
import Testing

extension Program.Result {
  /// Standard output, a JSON object a line.
  func events() throws -> [[String: Any]] {
    try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
  }
}

/// `cairn watch --json`, running.
final class WatchingProgram {
  private let process: Process
  private let output: String
  private let errors: String
  private var position = 0

  init(_ program: Program, _ arguments: [String]) throws {
    process = try program.process(["watch", "--json"] + arguments, in: nil, environment: [:])
    output = program.path + "/home/watch.out"
    errors = program.path + "/home/watch.err"
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  var error: String { (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "" }

  /// Waits for the next event of this kind that is as wanted; fails the test if the program ends before, or never says it.
  @discardableResult
  func wait(_ event: String, _ isWanted: ([String: Any]) -> Bool = { _ in true }) throws -> [String: Any] {
    // Long, for machines that are busy; nobody waits for it where all is well.
    for _ in 0..<2_400 {
      let wasRunning = process.isRunning
      let lines = try String(contentsOfFile: output, encoding: .utf8).components(separatedBy: "\n").dropLast()
      while position < lines.count {
        let line = Data(lines[position].utf8)
        position += 1
        let value = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
        if value["event"] as? String == event, isWanted(value) { return value }
      }
      if !wasRunning { break }
      usleep(25_000)
    }
    Issue.record("no event \(event) came; standard error: \(error)")
    return [:]
  }

  /// Sends a signal, if one is given, and waits for the end; the exit code.
  func end(_ signal: Int32?) throws -> Int32 {
    if let signal { kill(process.processIdentifier, signal) }
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    return process.terminationStatus
  }
}

/// Another process that has a file open for writing.
final class WritingProgram {
  private let process = Process()

  /// Begins to write; the file is there when this returns.
  init(_ file: String) throws {
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "exec 3>\"$0\"; printf begun >&3; exec sleep 600", file]
    try process.run()
    while ((try? Data(contentsOf: URL(fileURLWithPath: file)))?.count ?? 0) < 5 { usleep(5_000) }
  }

  func end() { kill(process.processIdentifier, SIGKILL) }
}
