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

  /// Runs a program to its end. Not Foundation's Process, which notices that up to 50 ms later.
  private static func run(_ program: URL, _ arguments: [String]) throws {
    let errors = FileManager.default.temporaryDirectory.path + "/cairn-bench-" + UUID().uuidString
    defer { unlink(errors) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = ([program.path] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child = pid_t()
    let code = posix_spawn(&child, program.path, &actions, nil, words, environ)
    guard code == 0 else { throw BenchmarkError("\(program.path): \(String(cString: strerror(code)))") }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    guard status == 0 else {
      let message = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
      throw BenchmarkError("cairn \(arguments.joined(separator: " ")): \(message)")
    }
  }
}

/// Why something could not be measured.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
