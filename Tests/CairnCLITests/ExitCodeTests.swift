import Cairn
import Foundation
import Testing

@Suite struct ExitCodeTests {
  @Test func wrongUsage() throws {
    let program = try Program()
    try program.seed()
    for arguments in [
      ["save"], ["nonsense"], ["log", "--limit", "-1"], ["save", "a", "--metric", "loss"],
      ["save", "a", "--metric", "loss=high"], ["save", "a", "b", "--as", "c"], ["save", "a", "--keep-versions", "0"],
      ["verify", "--read-data-subset", "3/2"], ["verify", "--read-data-subset", "0/2"],
      ["init", "x", "--journal", "on"],
      ["init", "x", "--chunk-size", "1000"], ["init", "x", "--chunk-size", "99999999999999G"],
      ["restore", "a", "--format", "zip"], ["save", ".", "--as", "x"],
    ] {
      let result = try program.run(arguments)
      #expect(result.status == 64, "\(arguments): \(result.error)")
      #expect(result.error.hasPrefix("error: "), "\(arguments): \(result.error)")
      #expect(result.output == "")
    }
  }

  @Test func helpIsNoError() throws {
    let program = try Program()
    for arguments in [["--help"], ["help", "save"], ["rm", "--help"], []] {
      let result = try program.run(arguments)
      #expect(result.status == 0)
      #expect(result.output.contains("USAGE: cairn"))
      #expect(result.error == "")
    }
    let commands = [
      "init", "save", "restore", "log", "show", "cp", "rm", "gc", "verify", "reindex", "stats", "demo",
    ]
    for command in commands {
      let help = try program.run("help", command)
      #expect(help.lines.allSatisfy { $0.count <= 80 }, "\(command)")
      #expect(help.output.contains("cairn \(command)"))
      #expect(help.output.contains("JSON: "))
    }
    let codes = try program.run("--help").output
    for code in ["   2  verify has found problems", "  64  wrong usage"] { #expect(codes.contains(code)) }
  }

  @Test func aDamagedOrNewerRepository() throws {
    let program = try Program()
    try program.seed([request("a")])
    let file = ".cairn/cairn.json"
    let original = String(decoding: try program.contents(file), as: UTF8.self)
    let format = try #require(original.firstRange(of: /"format" : 1/))
    try program.write(Array(original.replacingCharacters(in: format, with: "\"format\" : 2").utf8), to: file)
    let newer = try program.run("log")
    #expect(newer.status == 6)
    #expect(newer.error.contains("hint: use a newer Cairn"))
    try program.write(Array("{".utf8), to: file)
    #expect(try program.run("log").status == 5)
    try program.write(Array(original.utf8), to: file)
    let bytes = try program.contents(".cairn/log.jsonl")
    try program.write(Array(bytes.dropFirst(40)), to: ".cairn/log.jsonl")
    let damaged = try program.run("rm", "a")
    #expect(damaged.status == 5)
    #expect(damaged.error.contains("log.jsonl"))
  }

  @Test func aSecondInit() throws {
    let program = try Program()
    let first = try program.run("init", "deep/er", "--chunk-size", "64KiB", "--journal", "delete", "--json")
    #expect(first.status == 0)
    let made = try first.json()
    #expect(made["path"] as? String == program.path + "/deep/er/.cairn")
    #expect(made["chunk_size"] as? Int == 65_536)
    #expect(made["journal"] as? String == "delete")
    let again = try program.run("init", "deep/er")
    #expect(again.status == 1)
    #expect(again.error == "error: \(program.path)/deep/er/.cairn: is a Cairn repository already\n")
  }

  @Test func aFileThatIsNotThereOrHasNoNameOfItsOwn() throws {
    let program = try Program()
    try program.seed()
    try program.write([1], to: "there")
    try program.write([1], to: "exp@2")
    let missing = try program.run("save", "there", "missing.ckpt")
    #expect(missing.status == 3)
    #expect(missing.error == "error: missing.ckpt: no such file or directory\n")
    // Nothing was saved before that was seen.
    #expect(try program.run("log").output == "")
    let version = try program.run("save", "exp@2")
    #expect(version.status == 64)
    #expect(version.error.contains("--as"))
    #expect(try program.run("save", ".").error.contains("holds the repository itself"))
  }

  @Test func statsAndReindexInJSON() throws {
    let program = try Program()
    try program.seed([request("a", run: "r"), request("b", run: "r")])
    let stats = try program.run("stats", "--json").json()
    #expect(stats["checkpoints"] as? Int == 2)
    #expect(stats["runs"] as? Int == 1)
    #expect(stats["tensors"] as? Int == 3)
    #expect(stats["logical_bytes"] as? Int == 220_008)
    let stored = try #require(stats["stored_bytes"] as? Int)
    #expect(stored > 120_000 && stored < 130_000)
    #expect(stats["unreferenced_bytes"] as? Int == 0)
    #expect(try program.run("stats").output.contains("% less"))
    try FileManager.default.removeItem(atPath: program.path + "/.cairn/index.sqlite")
    let reindexed = try program.run("reindex", "--json").json()
    #expect(reindexed["checkpoints"] as? Int == 2)
    #expect(reindexed["incomplete"] as? Int == 0)
  }
}
