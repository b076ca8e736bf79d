import Cairn
import Foundation
import Testing

@Suite struct NamingTests {
  @Test func tagsAreListedMadeMovedAndDeleted() throws {
    let program = try Program()
    try program.seed([request("a", run: "r", step: 5, metrics: ["loss": 0.5]), request("a"), request("b")])
    #expect(try program.run("tag").output == "")
    #expect(try program.run("tag", "best", "a@1").output == "best points to a@1\n")
    #expect(try program.run("tag", "best", "a").output == "best points to a@2 instead of a@1\n")
    let made = try program.run("tag", "second", "a@1", "--json").json()
    #expect(made["name"] as? String == "a@1")
    #expect(made["previous"] == nil)
    #expect(made["warnings"] as? [String] == [])
    for columns in ["80", "200"] {
      let list = try program.run("tag", environment: ["COLUMNS": columns])
      #expect(list.lines.count == 3)
      #expect(list.lines[1].hasPrefix("best    a@2"))
      #expect(list.lines[2].contains("loss=0.5"))
      for line in list.lines { #expect(line.count <= Int(columns) ?? 0) }
    }
    let tags = try #require(try program.run("tag", "--json").json()["tags"] as? [[String: Any]])
    #expect(tags.map { $0["tag"] as? String } == ["best", "second"])
    #expect(tags[1]["step"] as? Int == 5)
    #expect(try program.run("show", "second", "--json").json()["name"] as? String == "a@1")
    #expect(try program.run("tag", "b", "a").status == 1)
    #expect(try program.run("tag", "x@1", "a").status == 64)
    #expect(try program.run("tag", "x", "none").status == 3)
    #expect(try program.run("tag", "x").status == 64)
    #expect(try program.run("tag", "--delete", "best").output == "deleted best, which pointed to a@2\n")
    #expect(try program.run("tag", "--delete", "best").status == 3)
    #expect(try program.run("show", "a@2").status == 0)
    _ = try program.run("reindex")
    #expect(try program.run("tag", "--json").json()["tags"].map { ($0 as? [Any])?.count } == 1)
  }

  @Test func aTagAndAPathAreNotCalledAlike() throws {
    let program = try Program()
    try program.seed([request("src", tags: ["best"])])
    try program.write([1], to: "new")
    let tagged = try program.run("save", "new", "--tag", "src")
    #expect(tagged.status == 1)
    #expect(tagged.error.contains("src: there are checkpoints of this name"))
    let named = try program.run("save", "new", "--as", "best")
    #expect(named.status == 1)
    #expect(named.error.contains("best: is a tag"))
    #expect(try program.run("cp", "src", "best").status == 1)
    #expect(try program.run("log", "--oneline").lines.count == 1)
  }

  @Test func hostileTagsAreShownHarmlessly() throws {
    let program = try Program()
    try program.seed([request("a")])
    #expect(try program.run("tag", "b\u{202E}c", "a").output == "b\\u{202e}c points to a@1\n")
    #expect(try program.run("tag").lines[1].hasPrefix("b\\u{202e}c"))
    #expect(try program.run("tag", "b\u{1B}[31m", "a").status == 64)
  }

  @Test func pathsAndVersionsAreRenamed() throws {
    let program = try Program()
    try program.seed([request("runs/1/last.ckpt"), request("runs/1/last.ckpt", tags: ["best"]), request("c")])
    let moved = try program.run("mv", "./last.ckpt", "./best.ckpt", in: "home/..")
    #expect(moved.status == 3)
    try program.write([], to: "runs/1/other")
    let result = try program.run("mv", "./last.ckpt", "./best.ckpt", in: "runs/1")
    #expect(
      result.lines == [
        "moved runs/1/last.ckpt@1 to runs/1/best.ckpt@1", "moved runs/1/last.ckpt@2 to runs/1/best.ckpt@2",
      ])
    #expect(try program.run("show", "best", "--json").json()["name"] as? String == "runs/1/best.ckpt@2")
    let gone = try program.run("show", "runs/1/last.ckpt@1")
    #expect(gone.status == 3)
    #expect(gone.error.contains("was moved to runs/1/best.ckpt@1 on "))
    let one = try program.run("mv", "best", "v1")
    #expect(one.status == 64)
    #expect(one.error.contains("a tag, of runs/1/best.ckpt@2"))
    let json = try program.run("mv", "runs/1/best.ckpt@2", "v1", "--json").json()
    let list = try #require(json["moved"] as? [[String: String]])
    #expect(list[0]["from"] == "runs/1/best.ckpt@2")
    #expect(list[0]["to"] == "v1@1")
    #expect(list[0]["id"]?.count == 32)
    #expect(try program.run("mv", "v1", "c").status == 1)
    #expect(try program.run("mv", "v1", "best").status == 1)
    #expect(try program.run("mv", "v1", "x@3").status == 64)
    #expect(try program.run("mv", "none", "x").status == 3)
    _ = try program.run("rm", "v1")
    #expect(try program.run("log", "--removed", "runs/1/last.ckpt").lines[1].hasPrefix("v1@1"))
  }

  @Test func metricsAndMetadataAreSet() throws {
    let program = try Program()
    try program.seed([request("a", metrics: ["loss": 0.5], metadata: ["note": "old"]), request("a")])
    let arguments = ["--metric", "acc=0.25", "--meta", "note={\"by\": [1, true]}", "--unset", "loss"]
    let result = try program.run("annotate", "a@1", arguments, "--json").json()
    let checkpoint = try #require(result["checkpoint"] as? [String: Any])
    #expect(checkpoint["metrics"] as? [String: Double] == ["acc": 0.25])
    let shown = try program.run("show", "a@1", "--json").json()
    #expect(shown["metrics"] as? [String: Double] == ["acc": 0.25])
    #expect(((shown["metadata"] as? [String: Any])?["note"] as? [String: Any])?["by"] as? [Int] == [1, 1])
    #expect(try program.run("annotate", "a", "--meta", "x=1").output == "annotated a@2\n")
    #expect(try program.run("annotate", "a").status == 64)
    #expect(try program.run("annotate", "a", "--unset", "none").error.contains("it has x"))
    #expect(try program.run("annotate", "a", "--metric", "x=nan").status == 64)
    #expect(try program.run("annotate", "none", "--metric", "x=1").status == 3)
  }
}
