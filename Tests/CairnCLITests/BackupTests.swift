import Cairn
import Foundation
import Testing

@Suite struct BackupTests {
  @Test func whatWasBackedUpIsSaid() throws {
    let program = try Program()
    try program.seed([request("a"), request("b")])
    let plan = try program.run("backup", "copy", "--dry-run")
    #expect(plan.status == 0)
    #expect(plan.lines[0].hasPrefix("would back up 2 checkpoints (6 files, "))
    #expect(plan.lines[1].hasPrefix("  new: 6 files, "))
    #expect(!FileManager.default.fileExists(atPath: program.path + "/copy"))

    let first = try program.run("backup", "copy")
    #expect(first.status == 0)
    #expect(first.lines[0].hasPrefix("backed up 2 checkpoints (6 files, "))
    #expect(first.lines[0].hasSuffix(" to \(program.path)/copy"))
    #expect(first.lines[1].hasPrefix("  linked: 6 files, "))
    #expect(try program.run("log", "--repo", "copy", "--oneline").lines.count == 2)
    #expect(try program.run("verify", "--read-data", "--repo", "copy").status == 0)

    _ = try program.run("rm", "a")
    let second = try program.run("backup", "copy")
    #expect(second.lines.count == 3)
    #expect(second.lines[1].hasPrefix("  there already: 4 files, "))
    #expect(second.lines[2].hasPrefix("  removed: 2 files, "))
    let quiet = try program.run("backup", "copy", "--quiet")
    #expect(quiet.output == "" && quiet.error == "")
  }

  @Test func theReportIsJSON() throws {
    let program = try Program()
    try program.seed([request("a")])
    let report = try program.run("backup", "copy", "--copy", "--json").json()
    #expect(report["path"] as? String == program.path + "/copy")
    #expect(report["checkpoints"] as? Int == 1)
    #expect(report["files"] as? Int == 4)
    #expect(report["copied_files"] as? Int == 4)
    #expect(report["copied_bytes"] as? Int == report["bytes"] as? Int)
    #expect(report["new_bytes"] as? Int == report["bytes"] as? Int)
    #expect(report["dry_run"] as? Bool == false)
    for name in ["linked", "cloned", "reused", "removed"] {
      #expect(report[name + "_files"] as? Int == 0)
      #expect(report[name + "_bytes"] as? Int == 0)
    }
    #expect(report["warnings"] as? [String] == [])
    #expect((report["problems"] as? [Any])?.isEmpty == true)
    let log = try FileManager.default.attributesOfItem(atPath: program.path + "/.cairn/log.jsonl")
    #expect(report["log_bytes"] as? Int == log[.size] as? Int)
  }

  @Test func whatTheRepositoryLacksIsSaid() throws {
    let program = try Program()
    try program.seed([request("a"), request("b")])
    let blobs = program.path + "/.cairn/blobs/"
    let files = try #require(FileManager.default.subpaths(atPath: blobs)).filter { $0.contains("/") }
    // The 10,000 bytes that only one of them has.
    let own = try #require(
      files.first {
        (try? FileManager.default.attributesOfItem(atPath: blobs + $0)[.size] as? Int) == 10_000
      })
    try FileManager.default.removeItem(atPath: blobs + own)
    let result = try program.run("backup", "copy")
    #expect(result.status == 2)
    #expect(result.lines[0] == "problem: \(blobs)\(own): it is not there")
    #expect(result.lines[1] == "  hurts a@1" || result.lines[1] == "  hurts b@1")
    #expect(result.lines[2].hasPrefix("backed up 2 checkpoints"))
    let json = try program.run("backup", "copy", "--json")
    #expect(json.status == 2)
    let problems = try #require(json.json()["problems"] as? [[String: Any]])
    #expect(problems.map { $0["what"] as? String } == [blobs + own])
    #expect((problems[0]["checkpoints"] as? [String])?.count == 1)
  }

  @Test func refusalsSayWhatToDo() throws {
    let program = try Program()
    try program.seed([request("a")])
    try program.write([1], to: "full/notes.txt")
    let full = try program.run("backup", "full")
    #expect(full.status == 1)
    #expect(full.error.contains("is not empty (notes.txt)"))
    let inside = try program.run("backup", ".cairn/copy")
    #expect(inside.status == 64)
    #expect(inside.error.contains("lies inside the repository"))
    let missing = try program.run("backup", "not/there")
    #expect(missing.status == 5)
    _ = try program.run("backup", "copy")
    _ = try program.run("tag", "best", "a", "--repo", "copy")
    let diverged = try program.run("backup", "copy")
    #expect(diverged.status == 1)
    #expect(diverged.error.contains("something was saved into the backup"))
    #expect(diverged.error.contains("--force"))
    #expect(try program.run("backup", "copy", "--force").status == 0)
    #expect(try program.run("backup", "copy").status == 0)
    #expect(try program.run("backup").status == 64)
    #expect(try program.run("backup", "").status == 64)
  }
}
