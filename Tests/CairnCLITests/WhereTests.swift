import Cairn
import Foundation
import Testing

@Suite struct WhereTests {
  private func seeded() throws -> Program {
    let program = try Program()
    try program.seed([
      request("last.ckpt", run: "sweep-3", step: 500, epoch: 0, metrics: ["val_loss": 0.5], metadata: ["lr": 0.1]),
      request("last.ckpt", run: "sweep-4", step: 1_500, epoch: 1, metrics: ["val_loss": 0.25], tags: ["best"]),
      request("last.ckpt", run: "sweep-4", step: 2_500, epoch: 2, metrics: ["val_loss": 0.4], metadata: ["lr": 1e-4]),
      request("other.ckpt", run: "sweep-4", step: 3_500),
    ])
    return program
  }

  @Test func aConditionPicksAndAKeySorts() throws {
    let program = try seeded()
    func names(_ arguments: String...) throws -> [String] {
      let all = try #require(try program.run("log", "--json", arguments).json()["checkpoints"] as? [[String: Any]])
      return all.compactMap { $0["name"] as? String }
    }
    #expect(try names("--where", "step > 1000 and val_loss < 0.3 and run = 'sweep-4'") == ["last.ckpt@2"])
    #expect(try names("--where", "lr >= 1e-4") == ["last.ckpt@3", "last.ckpt@1"])
    #expect(try names("--where", "globalStep in (0, 3)") == ["other.ckpt@1", "last.ckpt@1"])
    #expect(try names("--where=-5 < step", "last.ckpt", "--limit", "1") == ["last.ckpt@3"])
    #expect(try names("--sort", "val_loss") == ["last.ckpt@2", "last.ckpt@3", "last.ckpt@1", "other.ckpt@1"])
    #expect(try names("--sort", "-val_loss", "--limit", "2") == ["last.ckpt@1", "last.ckpt@3"])
    #expect(
      try names("--sort", "step:desc", "--run", "sweep-4", "--where", "tag is null", "-l", "1") == ["other.ckpt@1"])
    #expect(try names("last.ckpt@1", "other.ckpt", "--limit", "2") == ["other.ckpt@1", "last.ckpt@1"])
    #expect(try names("--where", "step > 9999") == [])
  }

  @Test func aMistakeIsPointedAt() throws {
    let program = try seeded()
    let typing = try program.run("log", "--where", "step > 1000 and val_los < 0.3")
    #expect(typing.status == 64)
    #expect(typing.output == "")
    let lines = typing.error.split(separator: "\n")
    #expect(lines[0] == "error: nothing is called val_los, at column 17 of the expression")
    #expect(lines[1] == "  step > 1000 and val_los < 0.3")
    #expect(lines[2] == "                  ^~~~~~~")
    #expect(lines[3].hasPrefix("hint: did you mean val_loss?; columns: id, name, path,"))
    #expect(lines[3].contains("metrics: val_loss; metadata: globalStep, lr"))
    // What a terminal would obey is written as an escape, with the caret below it.
    let hostile = try program.run("log", "--where", "模\u{1B}[2J = 1")
    #expect(hostile.status == 64)
    #expect(!hostile.error.contains("\u{1B}"))
    #expect(hostile.error.contains("\n  模\\u{1b}[2J = 1\n    ^~~~~~\n"))
    for text in ["", "step >", String(repeating: "(", count: 60_000), String(repeating: "not ", count: 10_000)] {
      #expect(try program.run("log", "--where", text).status == 64)
    }
    let long = try program.run(
      "log", "--where", "step in (" + String(repeating: "1,", count: 5_000) + "x)", environment: ["COLUMNS": "60"])
    for line in long.error.split(separator: "\n").dropFirst().prefix(2) { #expect(line.count <= 60) }
    #expect(try program.run("log", "--sort", "-nothing").status == 64)
    for other in ["--oneline", "--removed", "--sort=step"] {
      #expect(try program.run("log", "--graph", other).status == 64)
    }
  }

  @Test func tablesShowWhatIsShared() throws {
    let program = try seeded()
    let wide = try program.run("log", environment: ["COLUMNS": "200"])
    let titles = wide.lines[0].split(separator: " ").map(String.init)
    #expect(titles == ["name", "run", "step", "epoch", "metrics", "size", "new", "shared", "created", "tags"])
    #expect(wide.lines[2].contains(" 9.8 KiB  97.7 KiB  "))
    let narrow = try program.run("log", environment: ["COLUMNS": "80"])
    for line in narrow.lines { #expect(line.count <= 80) }
    let all = try #require(try program.run("log", "--json").json()["checkpoints"] as? [[String: Any]])
    #expect(all.map { $0["shared_bytes"] as? Int } == [100_000, 100_000, 100_000, nil])
  }

  @Test func aGraphIsDrawn() throws {
    let program = try Program()
    try program.seed([request("a", run: "one", step: 1), request("a", run: "one", step: 2)])
    let first = try #require(try program.run("show", "a@1", "--json").json()["id"] as? String)
    let repository = try Repository(opening: program.path)
    var resumed = request("b", run: "two", step: 2)
    resumed.parent = first
    _ = try repository.copy(PathName(parsing: "a@2"), resumed)
    for columns in ["80", "200"] {
      let result = try program.run("log", "--graph", environment: ["COLUMNS": columns])
      #expect(result.status == 0)
      let starts = result.lines.map {
        $0.split(separator: " ", omittingEmptySubsequences: true).prefix(3).joined(separator: " ")
      }
      #expect(starts == ["name run step", "* b@1 two", "| * a@2", "|/", "* a@1 one"])
      for line in result.lines { #expect(line.count <= Int(columns) ?? 0) }
    }
    let shown = try program.run("show", "a@1")
    #expect(shown.lines.contains { $0.hasPrefix("  children") && $0.hasSuffix("a@2 b@1") })
    let json = try program.run("show", "b", "--json").json()
    #expect(json["parent_name"] as? String == "a@1")
    #expect(json["children"] as? [String] == [])
    #expect(json["shared_bytes"] as? Int == 100_000)
  }

  @Test func runsAreListed() throws {
    let program = try seeded()
    let wide = try program.run("runs", environment: ["COLUMNS": "200"])
    #expect(wide.lines.count == 3)
    #expect(
      wide.lines[0].split(separator: " ").map(String.init) == [
        "run", "created", "checkpoints", "steps", "metrics", "size", "new",
      ])
    #expect(wide.lines[1].hasPrefix("sweep-4 "))
    #expect(wide.lines[1].contains(" 3  1500–3500  val_loss=0.4 "))
    let narrow = try program.run("runs", environment: ["COLUMNS": "80"])
    for line in narrow.lines { #expect(line.count <= 80) }
    let runs = try #require(try program.run("runs", "--json").json()["runs"] as? [[String: Any]])
    #expect(runs.map { $0["name"] as? String } == ["sweep-4", "sweep-3"])
    #expect(runs[0]["checkpoints"] as? Int == 3)
    #expect(runs[0]["first_step"] as? Int == 1_500)
    #expect(runs[0]["last_step"] as? Int == 3_500)
    #expect(runs[0]["size"] as? Int == 330_012)
    #expect(runs[0]["new_bytes"] as? Int == 30_000)
    #expect((runs[0]["metrics"] as? [String: [String: Double]])?["val_loss"] == ["last": 0.4, "min": 0.25, "max": 0.4])
    #expect(runs[0]["metadata"] as? [String: String] == [:])
    #expect(try program.run("runs", "-l", "1", "--json").json()["runs"].map { ($0 as? [Any])?.count } == 1)
    #expect(try program.run("runs", "--limit=-1").status == 64)
  }
}
