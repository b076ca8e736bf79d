import Foundation
import Glibc

/// How long something took.
struct Times: Sendable {
  /// Seconds on the clock.
  var wall: Double
  /// Seconds of user and system time.
  var processor: Double

  /// The times of `body`, in this process.
  static func measure(_ body: () throws -> Void) rethrows -> Times {
    try measure(__rusage_who_t(RUSAGE_SELF.rawValue), body)
  }

  /// The least times of several runs of a program. Other work on the machine only ever adds to them.
  static func least(of count: Int, running program: URL, _ arguments: [String]) throws -> Times {
    var least = Times(wall: .infinity, processor: .infinity)
    for _ in 0..<count {
      let times = try measure(__rusage_who_t(RUSAGE_CHILDREN.rawValue)) { try run(program, arguments) }
      least = Times(wall: min(least.wall, times.wall), processor: min(least.processor, times.processor))
    }
    return least
  }

  private static func measure(_ who: __rusage_who_t, _ body: () throws -> Void) rethrows -> Times {
    let before = used(who)
    let start = ContinuousClock.now
    try body()
    let duration = (ContinuousClock.now - start).components
    return Times(
      wall: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18, processor: used(who) - before)
  }

  private static func used(_ who: __rusage_who_t) -> Double {
    var usage = rusage()
    getrusage(who, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func run(_ program: URL, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let message = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BenchmarkError("cairn \(arguments.joined(separator: " ")): \(String(decoding: message, as: UTF8.self))")
    }
  }
}

/// Why something could not be measured.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
