import Cairn
import Foundation
import Testing

@Suite struct PruneTests {
  private func seeded() throws -> Program {
    let program = try Program()
    try program.seed(
      (1...5).map { step in
        request(
          "sweep/last.ckpt", run: "sweep-4", step: 100 * step, metrics: ["loss": Double((step * 3) % 5)],
          tags: step == 1 ? ["first"] : [])
      } + [request("other"), request("other"), request("模型/最后.ckpt")])
    return program
  }

  private func listed(_ result: [String: Any], _ key: String) throws -> [String] {
    try #require(result[key] as? [[String: Any]]).map { item in
      let rules = (item["rules"] as? [String]).map { " " + $0.joined(separator: ",") } ?? ""
      return (item["name"] as? String ?? "") + rules
    }
  }

  @Test func aDryRunSaysWhatWillHappen() throws {
    let program = try seeded()
    let rules = ["--keep-last", "1", "--keep-best", "loss:min:1", "--keep-every", "200", "--run", "sweep-4"]
    let plan = try program.run("prune", rules, "--dry-run", "--json").json()
    #expect(plan["dry_run"] as? Bool == true)
    #expect(
      try listed(plan, "kept") == [
        "sweep/last.ckpt@5 last,best loss", "sweep/last.ckpt@4 every", "sweep/last.ckpt@2 every",
        "sweep/last.ckpt@1 every,tagged",
      ])
    #expect(try listed(plan, "removed") == ["sweep/last.ckpt@3"])
    #expect(plan["unlinked"] as? [String] == [])
    #expect(plan["warnings"] as? [String] == [])
    #expect(try program.run("log", "--json").json()["checkpoints"].map { ($0 as? [Any])?.count } == 8)
    let item = try #require((plan["removed"] as? [[String: Any]])?.first)
    #expect(item["group"] as? String == "run sweep-4")
    #expect(item["step"] as? Int == 300)
    #expect(item["size"] as? Int == 110_004)
    #expect(item["rules"] == nil)
    let before = try program.run("stats", "--json").json()["stored_bytes"] as? Int ?? 0
    let done = try program.run("prune", rules, "--json").json()
    #expect(done["dry_run"] as? Bool == false)
    for key in ["freed_bytes", "freed_files"] { #expect(done[key] as? Int == plan[key] as? Int) }
    for key in ["kept", "removed"] { #expect(try listed(done, key) == listed(plan, key)) }
    let after = try program.run("stats", "--json").json()["stored_bytes"] as? Int ?? 0
    #expect(before - after == done["freed_bytes"] as? Int)
    #expect(try program.run("show", "sweep/last.ckpt@3").status == 3)
    #expect(try program.run("show", "other@1").status == 0)
  }

  @Test func aTableSaysWhy() throws {
    let program = try seeded()
    for columns in [80, 200] {
      let result = try program.run(
        "prune", "--keep-last", "1", "--dry-run", environment: ["COLUMNS": "\(columns)"])
      #expect(result.status == 0)
      #expect(result.lines.count == 10)
      #expect(result.lines[0].hasPrefix("what    name"))
      #expect(result.lines[1].hasPrefix("keep    模型/最后.ckpt@1"))
      #expect(result.lines[2].hasPrefix("keep    other@2") && result.lines[2].hasSuffix("  last"))
      #expect(result.lines[3].hasPrefix("remove  other@1"))
      #expect(result.lines[8].hasSuffix("  tagged"))
      #expect(result.lines[9].hasPrefix("would remove 4 of 8 checkpoints and free "))
      for line in result.lines.dropFirst(2) { #expect(line.count <= columns, "\(line)") }
    }
    let quiet = try program.run("prune", "--keep-last", "1", "--quiet")
    #expect(quiet.status == 0)
    #expect(quiet.output == "")
    #expect(
      try program.run("prune", "--keep-last", "1").lines.last == "removed 0 of 4 checkpoints and freed 0 B in 0 files")
  }

  @Test func whatWouldGoWrongIsRefused() throws {
    let program = try seeded()
    for arguments in [
      [], ["--keep-last", "0"], ["--keep-within", "soon"], ["--keep-best", ":max"], ["--keep-last", "1", "other@1"],
      ["--keep-last", "1", "first"], ["--keep-best", "lsos"], ["--keep-tagged", "other"], ["--group-by", "year"],
    ] {
      #expect(try program.run("prune", arguments).status == 64, "\(arguments)")
    }
    #expect(try program.run("prune", "--keep-last", "1", "none").status == 3)
    #expect(try program.run("prune", "--keep-last", "1", "--run", "none").status == 3)
    #expect(try program.run("log", "--json").json()["checkpoints"].map { ($0 as? [Any])?.count } == 8)
    let refused = try program.run("prune", "--keep-tagged")
    #expect(refused.error.contains("nothing would stay of path 模型/最后.ckpt and 1 more"))
    let dry = try program.run("prune", "--keep-tagged", "--dry-run")
    #expect(dry.status == 0)
    #expect(dry.error.contains("nothing would stay of path other: this needs --force"))
    let forced = try program.run("prune", "--keep-tagged", "--force", "--json").json()
    #expect(try listed(forced, "kept") == ["sweep/last.ckpt@1 tagged"])
  }

  @Test func groupsAndPathsAreChosen() throws {
    let program = try seeded()
    let all = try program.run("prune", "--keep-last", "2", "--group-by", "all", "-n", "--json").json()
    #expect(try listed(all, "kept").map { $0.hasSuffix("last") } == [true, true, false])
    let path = try program.run("prune", "--keep-last", "2", "-n", "--json", "sweep/last.ckpt").json()
    #expect(try listed(path, "removed").count == 2)
  }
}
