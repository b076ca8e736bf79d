import Cairn
import Foundation
import Testing

/// What somebody at a terminal sees, tmux being the terminal.
@Suite(.enabled(if: Tmux.isThere, "tmux is not installed")) struct TerminalSessionTests {
  private func seeded() throws -> Program {
    let program = try Program()
    try program.seed([
      request("last.ckpt", run: "resnet", step: 10, epoch: 0, metrics: ["val_loss": 0.5]),
      request("last.ckpt", run: "resnet", step: 20, epoch: 1, metrics: ["val_loss": 0.25], tags: ["best"]),
      request(
        "a/rather/long/directory/name/that/takes/room/epoch=7-step=7000.ckpt", run: "resnet-with-a-long-name",
        step: 7_000, epoch: 7, metrics: ["val_loss": 0.123456789, "accuracy": 0.75], tags: ["candidate"]),
    ])
    return program
  }

  @Test(arguments: [80, 200]) func tablesFitTheTerminal(columns: Int) throws {
    let program = try seeded()
    let tmux = try Tmux(program, columns: columns)
    let lines = try tmux.output(of: "cairn log").split(separator: "\n")
    // A line that was too long would have gone on in the next one.
    try #require(lines.count == 4)
    #expect(lines.last?.hasPrefix("last.ckpt@1") == true)
    #expect(lines.allSatisfy { $0.count <= columns })
    #expect(lines[1].contains("step=7000.ckpt@1"))
    #expect(lines[1].contains("…") == (columns == 80))
  }

  /// A file without blocks on the disk takes as long to read and hash as any other.
  private func makeLargeFile(_ name: String, in program: Program, bytes: UInt64) throws {
    _ = FileManager.default.createFile(atPath: program.path + "/" + name, contents: nil)
    let file = try #require(FileHandle(forWritingAtPath: program.path + "/" + name))
    try file.truncate(atOffset: bytes)
  }

  @Test func aLongSaveShowsHowFarItIsAndControlCEndsItSoundly() throws {
    let program = try seeded()
    try makeLargeFile("large.bin", in: program, bytes: 64 << 30)
    let tmux = try Tmux(program, columns: 80)
    try tmux.enter("cairn save large.bin")
    let drawn = try tmux.wait("a progress bar") { $0.contains("of 64.0 GiB") }
    let line = try #require(drawn.split(separator: "\n").first { $0.contains("of 64.0 GiB") })
    #expect(line.hasPrefix("saving large.bin"))
    #expect(line.contains("%") && line.contains("─") && line.contains("/s"))
    #expect(line.count < 80)
    try tmux.press("C-c")
    try tmux.enter("echo code $?")
    try tmux.wait("the end") { $0.contains("code 130") }
    #expect(try program.run("verify", "--read-data").status == 0)
    let log = try program.run("log", "--json").json()
    #expect((log["checkpoints"] as? [Any])?.count == 3)
    // Whoever died can be cleaned up after, and the next save is none the worse.
    #expect(try program.run("gc").status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: program.path + "/.cairn/tmp") == [])
    try makeLargeFile("small.bin", in: program, bytes: 1 << 20)
    #expect(try tmux.output(of: "cairn save small.bin").contains("saved small.bin@1: 1.0 MiB"))
  }

  @Test func controlCEndsAWatchAfterTheSaveInProgress() throws {
    let program = try seeded()
    let tmux = try Tmux(program, columns: 80)
    try FileManager.default.createDirectory(atPath: program.path + "/runs", withIntermediateDirectories: false)
    try tmux.enter("cairn watch runs --settle 0.1; echo code $?")
    try tmux.wait { $0.contains("watching runs") }
    try program.add("finetune/last.ckpt", as: "runs/last.ckpt")
    try tmux.wait { $0.contains("saved runs/last.ckpt@1") }
    try tmux.press("C-c")
    try tmux.wait { $0.contains("stopped: saved 1 file") && $0.contains("code 0") }
  }

  // MARK: - Completion

  /// What a command line has become after Tab, on the line of the prompt.
  private func completed(_ line: String, in tmux: Tmux, wanted: String) throws {
    try tmux.press("C-l")
    try tmux.type(line)
    try tmux.press("Tab")
    let end = wanted.hasSuffix(" ") ? "#" : ""
    // A space at the end of a line is not seen, but for what is typed behind it.
    if !end.isEmpty {
      // zsh gives up what it is at when somebody types on.
      usleep(700_000)
      try tmux.type(end)
    }
    try tmux.wait("\(line) completed") { $0.contains("$ " + wanted + end) }
    try tmux.press("C-u")
  }

  @Test func tabCompletesInBash() throws {
    let program = try seeded()
    try program.seedMore([request("last.ckpt", step: 30), request("it's $(touch pwned) odd.ckpt", run: "a run")])
    let tmux = try Tmux(program, columns: 100)
    _ = try tmux.output(of: "source <(cairn completions bash)")
    try completed("cairn show la", in: tmux, wanted: "cairn show last.ckpt")
    try completed("cairn show a/r", in: tmux, wanted: "cairn show a/rather/long/directory/name/")
    try completed("cairn show last.ckpt@1", in: tmux, wanted: "cairn show last.ckpt@1 ")
    try completed("cairn show bes", in: tmux, wanted: "cairn show best ")
    try completed("cairn log --run resnet-", in: tmux, wanted: "cairn log --run resnet-with-a-long-name ")
    try completed("cairn log --run=resnet-", in: tmux, wanted: "cairn log --run=resnet-with-a-long-name ")
    try completed("cairn log --tag cand", in: tmux, wanted: "cairn log --tag candidate ")
    try completed("cairn verif", in: tmux, wanted: "cairn verify ")
    try completed("cairn help exi", in: tmux, wanted: "cairn help exit-codes ")
    try completed("cairn watch --new", in: tmux, wanted: "cairn watch --new-only ")
    // A name that a shell would obey is quoted, and nothing in it is run.
    try completed("cairn show it", in: tmux, wanted: #"cairn show it\'s\ $\(touch\ pwned"#)
    #expect(!FileManager.default.fileExists(atPath: program.path + "/pwned"))
    // Several: all are shown.
    try tmux.press("C-l")
    try tmux.type("cairn show last.ckpt@")
    try tmux.press("Tab")
    try tmux.press("Tab")
    try tmux.wait { $0.contains("@1") && $0.contains("@2") && $0.contains("@3") }
  }

  @Test func anotherRepositoryThatTheLineNamesIsLookedInto() throws {
    let program = try Program()
    try FileManager.default.createDirectory(atPath: program.path + "/other place", withIntermediateDirectories: true)
    let other = try Repository.initialize(program.path + "/other place/.cairn", journal: .wal)
    _ = try other.save(["epoch": 1] as Checkpoint, request("elsewhere.ckpt"))
    let tmux = try Tmux(program, columns: 100)
    _ = try tmux.output(of: "source <(cairn completions bash)")
    try completed(
      #"cairn show --repo other\ place els"#, in: tmux, wanted: #"cairn show --repo other\ place elsewhere.ckpt"#)
    // Without a repository there is nothing to offer, and nothing to say.
    try tmux.press("C-l")
    try tmux.type("cairn show els")
    try tmux.press("Tab")
    try tmux.type("X")
    let screen = try tmux.wait { $0.contains("cairn show elsX") }
    #expect(!screen.contains("error"))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/zsh"), "zsh is not installed"))
  func tabCompletesInZsh() throws {
    let program = try seeded()
    let tmux = try Tmux(program, columns: 100, shell: ["/usr/bin/zsh", "-f", "-i"])
    _ = try tmux.output(of: "autoload -U compinit; compinit -u; source <(cairn completions zsh)")
    try completed("cairn show a/r", in: tmux, wanted: "cairn show a/rather/long/directory/name/")
    try completed("cairn show last.ckpt@2", in: tmux, wanted: "cairn show last.ckpt@2 ")
    try completed("cairn log --run resnet-", in: tmux, wanted: "cairn log --run resnet-with-a-long-name ")
    try completed("cairn help exi", in: tmux, wanted: "cairn help exit-codes ")
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/fish"), "fish is not installed"))
  func tabCompletesInFish() throws {
    let program = try seeded()
    let shell = ["/usr/bin/fish", "--no-config", "-i", "-C", "function fish_prompt; echo -n '$ '; end"]
    let tmux = try Tmux(program, columns: 100, shell: shell)
    _ = try tmux.output(of: "cairn completions fish | source")
    try completed("cairn show a/r", in: tmux, wanted: "cairn show a/rather/long/directory/name/")
    try completed("cairn log --run resnet-", in: tmux, wanted: "cairn log --run resnet-with-a-long-name ")
    try completed("cairn help exi", in: tmux, wanted: "cairn help exit-codes ")
  }
}

extension Program {
  /// Saves more states into the repository that ``seed(_:head:)`` has made.
  fileprivate func seedMore(_ requests: [SaveRequest]) throws {
    let repository = try Repository(opening: path)
    for (index, request) in requests.enumerated() {
      _ = try repository.save(["epoch": .int(Int64(100 + index))] as Checkpoint, request)
    }
  }
}
