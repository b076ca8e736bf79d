import Cairn
import Foundation
import Testing

@Suite struct LogTests {
  private func seeded() throws -> Program {
    let program = try Program()
    try program.seed([
      request("last.ckpt", run: "resnet", step: 10, epoch: 0, metrics: ["val_loss": 0.5]),
      request("last.ckpt", run: "resnet", step: 20, epoch: 1, metrics: ["val_loss": 0.25], tags: ["best"]),
      request(
        "a/rather/long/directory/name/that/takes/room/epoch=7-step=7000.ckpt", run: "resnet-with-a-long-name",
        step: 7_000, epoch: 7, metrics: ["val_loss": 0.123456789, "accuracy": 0.75], tags: ["candidate"]),
      request("模型/最后.ckpt", metadata: ["batchSize": 32, "note": "plain"]),
    ])
    return program
  }

  @Test func aPipeGetsWholeLines() throws {
    let program = try seeded()
    let result = try program.run("log")
    #expect(result.status == 0)
    #expect(result.error == "")
    #expect(result.lines.count == 5)
    let titles = result.lines[0].split(separator: " ").map(String.init)
    #expect(titles == ["name", "run", "step", "epoch", "metrics", "size", "new", "shared", "created", "tags"])
    // Newest first.
    #expect(result.lines[1].hasPrefix("模型/最后.ckpt@1"))
    #expect(result.lines[2].contains("a/rather/long/directory/name/that/takes/room/epoch=7-step=7000.ckpt@1"))
    #expect(result.lines[2].contains("accuracy=0.75 val_loss=0.123457"))
    #expect(result.lines[3].hasPrefix("last.ckpt@2 "))
    #expect(result.lines[3].hasSuffix(" best"))
    #expect(result.lines[4].contains("107 KiB"))
    #expect(!result.output.contains("\u{1B}"))
  }

  @Test func aNarrowTerminalIsNotOverrun() throws {
    let program = try seeded()
    for columns in [40, 80, 120] {
      let result = try program.run("log", environment: ["COLUMNS": "\(columns)"])
      #expect(result.lines.count == 5)
      for line in result.lines { #expect(width(line) <= columns, "\(line)") }
      // The version is what tells rows apart: the head of a long name goes.
      #expect(result.lines[2].contains("ckpt@1"))
    }
    let wide = try program.run("log", environment: ["COLUMNS": "80"])
    #expect(wide.lines[2].contains("…"))
    // Ideographs take two columns each: what follows stands below its title all the same.
    let full = try program.run("log").lines
    let size = try #require(full[0].range(of: "size"))
    #expect(
      width(String(full[0][..<size.upperBound]))
        == width(String(full[1][..<(try #require(full[1].range(of: " KiB"))).upperBound])))
  }

  /// Two columns for an ideograph, one for anything else that these tests print.
  private func width(_ line: String) -> Int {
    line.reduce(0) { $0 + ($1.unicodeScalars.contains { (0x4E00...0x9FFF).contains($0.value) } ? 2 : 1) }
  }

  @Test func colourOnlyInATerminalThatWantsIt() throws {
    let program = try seeded()
    let plain = try program.runInTerminal("log", "--no-color", columns: 80)
    #expect(!plain.contains("\u{1B}"))
    for line in plain.split(separator: "\n") { #expect(width(String(line)) <= 80) }
    #expect(try program.runInTerminal("log", columns: 80).contains("\u{1B}[33m"))
    #expect(try !program.runInTerminal("log", columns: 80, environment: ["NO_COLOR": "1"]).contains("\u{1B}"))
  }

  @Test func jsonHasEveryField() throws {
    let program = try seeded()
    let all = try #require(try program.run("log", "--json").json()["checkpoints"] as? [[String: Any]])
    #expect(all.count == 4)
    let best = all[2]
    #expect(best["name"] as? String == "last.ckpt@2")
    #expect(best["path"] as? String == "last.ckpt")
    #expect(best["version"] as? Int == 2)
    #expect(best["run"] as? String == "resnet")
    #expect(best["step"] as? Int == 20)
    #expect(best["epoch"] as? Int == 1)
    #expect(best["metrics"] as? [String: Double] == ["val_loss": 0.25])
    #expect(best["tags"] as? [String] == ["best"])
    #expect(best["parent"] as? String == all[3]["id"] as? String)
    #expect(best["size"] as? Int == 110_004)
    #expect(best["new_bytes"] as? Int == 10_000)
    #expect(best["tensor_count"] as? Int == 2)
    #expect(best["kind"] as? String == "state")
    #expect(best["state"] as? String == "whole")
    #expect((best["manifest"] as? String)?.count == 64)
    let created = try #require(best["created"] as? String)
    #expect(created.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    // Keys that are the user's stay as they are.
    let metadata = try #require(all[0]["metadata"] as? [String: Any])
    #expect(metadata["batchSize"] as? Int == 32)
    #expect((best["extracted"] as? [String: Any])?["globalStep"] as? Int == 1)
    #expect(all[0]["step"] == nil)
  }

  @Test func whatIsAskedForIsListed() throws {
    let program = try seeded()
    func names(_ arguments: String...) throws -> [String] {
      let result = try program.run("log", "--json", arguments)
      let all = try #require(try result.json()["checkpoints"] as? [[String: Any]])
      return all.compactMap { $0["name"] as? String }
    }
    #expect(try names("last.ckpt") == ["last.ckpt@2", "last.ckpt@1"])
    #expect(try names("last.ckpt@1") == ["last.ckpt@1"])
    #expect(try names("--limit", "1", "last.ckpt") == ["last.ckpt@2"])
    #expect(try names("--run", "resnet", "--limit", "1") == ["last.ckpt@2"])
    #expect(try names("--tag", "best") == ["last.ckpt@2"])
    #expect(try names("best") == ["last.ckpt@2"])
    #expect(try names("--run", "nothing") == [])
    #expect(try program.run("log", "nothing").status == 3)
    let line = try program.run("log", "--oneline", "--bytes", "best")
    #expect(line.output == "last.ckpt@2 [best] run=resnet step=20 epoch=1 val_loss=0.25 110004\n")
  }

  @Test func whatIsMissingIsMarked() throws {
    let program = try Program()
    try program.seed([request("a"), request("b")])
    let first = try #require(try program.run("show", "a", "--json").json()["manifest"] as? String)
    let file = program.path + "/.cairn/blobs/\(first.prefix(2))/\(first).zst"
    try FileManager.default.removeItem(atPath: file)
    #expect(try program.run("reindex").status == 0)
    let lines = try program.run("log").lines
    #expect(lines[0].hasSuffix("state"))
    #expect(lines[2].hasPrefix("a@1") && lines[2].hasSuffix("unreadable"))
    let shown = try program.run("show", "a")
    #expect(shown.status == 0)
    #expect(shown.error.contains("warning: a@1: its manifest cannot be read"))
  }
}
