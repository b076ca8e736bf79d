import Foundation
import Testing

/// A terminal of a test's own, in tmux, with a shell in it: what a user at a keyboard sees.
final class Tmux: Sendable {
  /// Whether tmux is there: without it these tests are skipped.
  static let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/tmux")

  private let socket: String
  private let directory: String
  /// Of tmux itself: the shell's is made of it, its PATH in any case.
  private let environment: [String]

  /// Starts a shell in the test's directory, in which `cairn` is the program of this build.
  init(_ program: Program, columns: Int, shell: [String] = ["/bin/bash", "--norc", "--noprofile", "-i"]) throws {
    directory = program.path
    // Not below the test's directory: a socket's path has 107 bytes at most.
    socket = "/tmp/cairn-tmux-\(UUID().uuidString.prefix(8))"
    let binary = try program.process([], in: nil, environment: [:]).executableURL?.deletingLastPathComponent().path
    environment = [
      "PATH=\(binary ?? ""):/usr/bin:/bin", "HOME=\(program.path)/home", "TZ=UTC", "LC_ALL=C.UTF-8", "PS1=$ ",
      "PROMPT=$ ", "TERM=xterm",
    ]
    try run(
      ["-f", "/dev/null", "-u", "new-session", "-d", "-x", "\(columns)", "-y", "24"]
        + ["-c", directory] + shell)
    // Tests look for what is on the screen, and the status line is none of it.
    try run(["set-option", "-g", "status", "off"])
    try wait { $0.contains("$") }
  }

  deinit {
    _ = try? run(["kill-server"])
    try? FileManager.default.removeItem(atPath: socket)
  }

  @discardableResult
  private func run(_ arguments: [String]) throws -> String {
    // Not by Foundation's Process, which would wait for the server too: that inherits what it waits on.
    let output = directory + "/home/tmux-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: output) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words = (["tmux", "-S", socket] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { for text in words + variables { free(text) } }
    var child = pid_t()
    // Signals that the test's thread blocks would be blocked in the shell, and in what it runs: no Control-C.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    try #require(posix_spawn(&child, "/usr/bin/tmux", &actions, &attributes, &words, &variables) == 0)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return try String(contentsOfFile: output, encoding: .utf8)
  }

  /// Types text.
  func type(_ text: String) throws { try run(["send-keys", "-l", "--", text]) }

  /// Presses a key, by its name in tmux.
  func press(_ key: String) throws { try run(["send-keys", key]) }

  /// Types a command line and presses return.
  func enter(_ line: String) throws {
    try type(line)
    try press("Enter")
  }

  /// The lines on the screen; with what has gone off its top.
  var screen: String { get throws { try run(["capture-pane", "-p", "-S", "-200"]) } }

  /// Waits until the screen is as it should be, and gives it; fails the test if it does not come to that.
  @discardableResult
  func wait(_ comment: Comment? = nil, until isThere: (String) -> Bool) throws -> String {
    var screen = ""
    // Long, for machines that are busy; nobody waits for it where all is well.
    for _ in 0..<400 {
      screen = try self.screen
      if isThere(screen) { return screen }
      usleep(50_000)
    }
    Issue.record("\(comment.map { "\($0.rawValue): " } ?? "")the screen came to be\n\(screen)")
    return screen
  }

  /// Enters a command line and waits until it has ended; what it printed.
  func output(of line: String) throws -> String {
    let mark = "end-\(UUID().uuidString.prefix(8))"
    try enter("clear")
    try enter("\(line); echo \(mark.prefix(4))''\(mark.dropFirst(4))")
    let screen = try wait { $0.contains("\n" + mark) || $0.hasPrefix(mark) }
    let lines = screen.components(separatedBy: "\n")
    let start = lines.firstIndex { $0.contains("echo \(mark.prefix(4))") || $0.contains("''") } ?? -1
    let end = lines.firstIndex { $0 == mark } ?? lines.count
    return lines[(start + 1)..<end].joined(separator: "\n")
  }
}
