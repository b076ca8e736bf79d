import Cairn
import Foundation
import Testing

@Suite struct DiskUsageTests {
  private func seeded() throws -> Program {
    let program = try Program()
    try program.seed([
      request("last.ckpt", run: "a"), request("last.ckpt", run: "a"), request("dir/best.ckpt", run: "b"),
      request("plain.ckpt"),
    ])
    return program
  }

  @Test func whatFreesMostComesFirst() throws {
    let program = try seeded()
    for columns in [80, 200] {
      let lines = try program.run("du", environment: ["COLUMNS": "\(columns)"]).lines
      #expect(lines[0].split(separator: " ") == ["frees", "shared", "logical", "checkpoints", "path"])
      #expect(lines[1].hasSuffix("last.ckpt"))
      #expect(lines.last?.hasSuffix("total") == true)
      #expect(lines.count == 5)
      for line in lines { #expect(line.count <= columns) }
    }
    let versions = try program.run("du", "-v", "last.ckpt", "plain.ckpt").lines
    #expect(versions.count == 5)
    #expect(versions.contains { $0.hasSuffix("last.ckpt@2") })
    #expect(try program.run("du", "-v", "--limit", "1").lines.count == 3)
    #expect(try program.run("du", "nothing").status == 3)
    #expect(try program.run("du", "--limit", "-1").status == 64)
  }

  @Test func removingFreesWhatWasSaid() throws {
    let program = try seeded()
    let said = try program.run("du", "--json", "last.ckpt").json()
    let paths = try #require(said["paths"] as? [[String: Any]])
    #expect(paths.count == 1 && paths[0]["name"] as? String == "last.ckpt")
    let runs = try #require(try program.run("stats", "--by", "run", "--json").json()["runs"] as? [[String: Any]])
    #expect(runs.first { $0["name"] as? String == "a" }?["freed_bytes"] as? Int == paths[0]["freed_bytes"] as? Int)
    #expect(runs.contains { $0["name"] == nil })
    let stored = try program.run("stats", "--json").json()
    let total = try #require(try program.run("stats", "--by", "path", "--json").json()["total"] as? [String: Any])
    #expect(total["freed_bytes"] as? Int == stored["stored_bytes"] as? Int)
    #expect(total["logical_bytes"] as? Int == stored["logical_bytes"] as? Int)
    let freed = try program.run("rm", "last.ckpt", "--json").json()
    #expect(freed["freed_bytes"] as? Int == paths[0]["freed_bytes"] as? Int)
    #expect(freed["freed_files"] as? Int == paths[0]["freed_files"] as? Int)
  }

  @Test func statsAddUpByTensors() throws {
    let program = try seeded()
    let lines = try program.run("stats", "--by", "tensor-prefix", "--bytes").lines
    #expect(lines[0].split(separator: " ") == ["stored", "own", "logical", "names", "tensors"])
    #expect(lines[1].split(separator: " ") == ["100000", "100000", "400000", "1", "backbone"])
    #expect(lines[2].split(separator: " ") == ["40000", "40000", "40000", "1", "head"])
    let deep = try program.run("stats", "--by", "tensor-prefix", "--depth", "2", "--json").json()
    let prefixes = try #require(deep["prefixes"] as? [[String: Any]])
    #expect(prefixes.map { $0["prefix"] as? String } == ["backbone.weight", "head.weight"])
    #expect(try program.run("stats", "--depth", "2").status == 64)
    #expect(try program.run("stats", "--by", "colour").status == 64)
  }

  @Test func growthIsDrawnAndInTheJSON() throws {
    let program = try seeded()
    let json = try program.run("stats", "--json").json()
    let growth = try #require(json["growth"] as? [String: Any])
    let points = try #require(growth["points"] as? [[String: Any]])
    #expect(points.last?["stored_bytes"] as? Int == json["stored_bytes"] as? Int)
    #expect(points.last?["checkpoints"] as? Int == 4)
    #expect(try #require(json["dedup_ratio"] as? Double) > 2)
    for columns in [40, 80, 200] {
      let stats = try program.run("stats", "--no-color", environment: ["COLUMNS": "\(columns)"])
      #expect(stats.status == 0)
      for line in stats.lines { #expect(line.count <= columns) }
      #expect(points.count < 2 || stats.output.contains("█ stored"))
    }
  }

  @Test func whenDataWasLastVerifiedIsShown() throws {
    let program = try seeded()
    func shown() throws -> String? { try program.run("stats", "--no-color").lines.first { $0.hasPrefix("verified") } }
    #expect(try shown()?.hasSuffix(" never") == true)
    #expect(try program.run("verify", "--read-data").status == 0)
    #expect(try program.run("verify").status == 0)
    #expect(try shown()?.hasSuffix(", data") == true)
    let verified = try #require(try program.run("stats", "--json").json()["verified"] as? [[String: Any]])
    #expect(verified.map { $0["kind"] as? String } == ["files", "data"])
    #expect(verified.allSatisfy { $0["problems"] as? Int == 0 && ($0["finished"] as? String)?.hasSuffix("Z") == true })
  }

  @Test func anEmptyRepositoryHasNothing() throws {
    let program = try Program()
    _ = try program.run("init")
    #expect(try program.run("du").output == "")
    #expect(try program.run("stats", "--by", "run").output == "")
    #expect(try program.run("query", "SELECT * FROM checkpoints").status == 0)
    #expect(try program.run("stats").status == 0)
  }
}
