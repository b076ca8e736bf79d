import Foundation
import Testing

/// A directory of a test's own, with a home in it, and the `cairn` program run there as a process.
final class Program: Sendable {
  let path: String

  struct Result {
    var status: Int32
    var output: String
    var error: String

    /// Standard output, which has to be one JSON document.
    func json() throws -> [String: Any] {
      let value = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(value as? [String: Any])
    }

    var lines: [String] { output.split(separator: "\n").map(String.init) }
  }

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/cairn-cli-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path + "/home", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The program that was built with these tests, beside them.
  private static func executable() throws -> URL {
    let tests = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    let candidates = [tests, URL(fileURLWithPath: CommandLine.arguments[0])] + bundle()
    for candidate in candidates {
      let program = candidate.deletingLastPathComponent().appendingPathComponent("cairn")
      if FileManager.default.isExecutableFile(atPath: program.path) { return program }
    }
    throw CocoaError(.fileNoSuchFile)
  }

  private static func bundle() -> [URL] {
    let arguments = CommandLine.arguments
    guard let option = arguments.firstIndex(of: "--test-bundle-path"), option + 1 < arguments.count else { return [] }
    return [URL(fileURLWithPath: arguments[option + 1])]
  }

  func process(_ arguments: [String], in directory: String?, environment: [String: String]) throws -> Process {
    let process = Process()
    process.executableURL = try Self.executable()
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory.map { path + "/" + $0 } ?? path)
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": path + "/home", "TZ": "UTC", "TERM": "xterm"]
      .merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    return process
  }

  /// Runs `cairn` with its output going to files, so in nobody's terminal.
  @discardableResult
  func run(_ arguments: any Arguments..., in directory: String? = nil, environment: [String: String] = [:]) throws
    -> Result
  {
    try result(of: process(arguments.flatMap(\.list), in: directory, environment: environment))
  }

  /// Runs `cairn` through another program.
  func run(through command: [String], _ arguments: [String]) throws -> Result {
    let process = try process(arguments, in: nil, environment: [:])
    process.arguments = command.dropFirst() + [try Self.executable().path] + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    return try result(of: process)
  }

  private func result(of process: Process) throws -> Result {
    let name = path + "/home/" + UUID().uuidString
    for suffix in [".out", ".err"] { _ = FileManager.default.createFile(atPath: name + suffix, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: name + ".out")
    process.standardError = FileHandle(forWritingAtPath: name + ".err")
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    return Result(
      status: process.terminationStatus,
      output: try String(contentsOfFile: name + ".out", encoding: .utf8),
      error: try String(contentsOfFile: name + ".err", encoding: .utf8))
  }

  /// Writes a file in the test's directory, and makes the directories above it.
  func write(_ bytes: [UInt8], to name: String) throws {
    let file = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  func contents(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
  }
}

/// An argument, or several.
protocol Arguments {
  var list: [String] { get }
}

extension String: Arguments {
  var list: [String] { [self] }
}

extension [String]: Arguments {
  var list: [String] { self }
}
