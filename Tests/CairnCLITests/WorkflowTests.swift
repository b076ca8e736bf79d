import Cairn
import Foundation
import Testing

/// Real checkpoints go in, come out, and disappear.
@Suite struct WorkflowTests {
  private func saved(_ result: Program.Result) throws -> [[String: Any]] {
    #expect(result.status == 0, "\(result.error)")
    return try #require(try result.json()["saved"] as? [[String: Any]])
  }

  @Test func aFineTuningRun() throws {
    let program = try Program()
    #expect(try program.run("init").status == 0)
    for fixture in Fixtures.finetune { try program.add(fixture, as: "runs/" + fixture) }
    let files = Fixtures.finetune.map { "runs/" + $0 }
    let reports = try saved(try program.run("save", "--json", "--run", "r1", files))
    #expect(reports.map { $0["path"] as? String } == files)
    #expect(reports.map { $0["file"] as? String } == files)
    let new = reports.compactMap { $0["new_bytes"] as? Int }
    let sizes = reports.compactMap { $0["size"] as? Int }
    // The backbone is frozen: most of a later checkpoint is there already.
    for index in 1..<5 { #expect(new[index] * 4 < sizes[index]) }
    let shown = try program.run("show", files[2], "--json").json()
    #expect(shown["step"] as? Int == 24)
    #expect(shown["epoch"] as? Int == 2)
    let names = try #require(shown["tensors"] as? [[String: Any]]).compactMap { $0["name"] as? String }
    #expect(names.contains("state_dict.backbone.0.weight"))
    #expect(names.contains("optimizer_states.0.state.0.exp_avg"))

    for file in files {
      let restored = try program.run("restore", file, "-o", "out.ckpt", "--force", "--json", "--sha256")
      #expect(restored.status == 0, "\(restored.error)")
      #expect(try program.contents("out.ckpt") == program.contents(file))
      #expect(try restored.json()["sha256"] as? String == Digest(hashing: program.contents(file)).hex)
    }
    // Saved again from a copy: nothing is new.
    let again = try saved(try program.run("save", "out.ckpt", "--as", "other", "--json"))
    #expect(again[0]["new_bytes"] as? Int == 0)
    #expect(try program.run("verify", "--read-data").output.hasSuffix(": no problems\n"))
    let all = files + ["other"]
    #expect(try program.run("rm", all).status == 0)
    let stats = try program.run("stats", "--json").json()
    #expect(stats["checkpoints"] as? Int == 0)
    #expect(stats["stored_bytes"] as? Int == 0)
  }

  @Test func whatIsSaidOfACheckpoint() throws {
    let program = try Program()
    try program.seed()
    try program.write([1, 2, 3], to: "a.bin")
    _ = try saved(
      try program.run(
        "save", "a.bin", "--as", "x", "--run", "r", "--step", "7", "--epoch", "1", "--metric", "loss=0.5", "--metric",
        "f1=1e-3", "--tag", "best", "--tag", "keep", "--meta", "commit=12345e6", "--meta", "seed=17", "--meta",
        "lr=1e-4", "--meta", "ok=true", "--meta", "note=a=b", "--meta", "zeros=007", "--json"))
    let shown = try program.run("show", "x", "--json").json()
    #expect(shown["metrics"] as? [String: Double] == ["loss": 0.5, "f1": 0.001])
    #expect(shown["tags"] as? [String] == ["best", "keep"])
    #expect(shown["step"] as? Int == 7)
    let metadata = try #require(shown["metadata"] as? [String: Any])
    // What may be an abbreviated commit stays one.
    #expect(metadata["commit"] as? String == "12345e6")
    #expect(metadata["seed"] as? Int == 17)
    #expect(metadata["lr"] as? Double == 0.0001)
    #expect(metadata["ok"] as? Bool == true)
    #expect(metadata["note"] as? String == "a=b")
    #expect(metadata["zeros"] as? String == "007")
  }

  @Test func versionsAndTheirNumber() throws {
    let program = try Program()
    try program.seed()
    for number in 1...4 {
      try program.write([UInt8(number)], to: "last.ckpt")
      let result = try program.run("save", "last.ckpt", "--keep-versions", "2")
      #expect(result.output.hasPrefix("saved last.ckpt@\(number): 1 B"))
    }
    #expect(try program.run("log", "--oneline").lines.map { $0.prefix(11) } == ["last.ckpt@4", "last.ckpt@3"])
    #expect(try program.run("restore", "last.ckpt@3", "-o", "home").status == 0)
    #expect(try program.contents("home/last.ckpt") == [3])
    let removed = try program.run("restore", "last.ckpt@1", "-o", "x")
    #expect(removed.status == 3)
    #expect(removed.error.contains("was removed on"))
  }

  @Test func nothingIsOverwrittenUnasked() throws {
    let program = try Program()
    try program.seed()
    try program.write([1], to: "a")
    #expect(try program.run("save", "a").status == 0)
    try program.write([2], to: "a")
    let refused = try program.run("restore", "a")
    #expect(refused.status == 1)
    #expect(refused.error.contains("--force"))
    #expect(try program.contents("a") == [2])
    #expect(try program.run("restore", "a", "--force").status == 0)
    #expect(try program.contents("a") == [1])
    #expect(try program.run("restore", "a", "-o", "no/such/folder/a").status != 0)
  }

  @Test func aDirectoryIsOneCheckpoint() throws {
    let program = try Program()
    try program.seed()
    try program.add("safetensors/sharded", as: "model")
    let report = try saved(try program.run("save", "model", "--json"))
    #expect(report.count == 1)
    let shown = try program.run("show", "model", "--json").json()
    #expect(shown["kind"] as? String == "directory")
    let files = try #require(shown["files"] as? [[String: Any]])
    #expect(files.contains { $0["path"] as? String == "model.safetensors.index.json" })
    #expect(try program.run("show", "model").output.contains("model.safetensors.index.json"))
    #expect(try program.run("restore", "model", "-o", "copy").status == 0)
    for file in files.compactMap({ $0["path"] as? String }) {
      #expect(try program.contents("copy/" + file) == program.contents("model/" + file))
    }
  }

  @Test func aBrokenFileIsNotSaved() throws {
    let program = try Program()
    try program.seed()
    try program.add("bad/zip_truncated.pt")
    let result = try program.run("save", "zip_truncated.pt")
    #expect(result.status == 5)
    #expect(result.error.contains("zip_truncated.pt: not a valid zip file"))
    #expect(try program.run("log").output == "")
    #expect(try program.run("save", "--opaque", "zip_truncated.pt").status == 0)
    #expect(try program.run("restore", "zip_truncated.pt", "-o", "out").status == 0)
    #expect(try program.contents("out") == program.contents("zip_truncated.pt"))
  }

  @Test func damageIsNamed() throws {
    let program = try Program()
    try program.seed()
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 9) }
    try program.write(bytes, to: "a")
    #expect(try program.run("save", "a").status == 0)
    let digest = Digest(hashing: bytes[..<65_536]).hex
    let blob = ".cairn/blobs/\(digest.prefix(2))/\(digest)"
    var damaged = try program.contents(blob)
    damaged[100] ^= 1
    try program.write(damaged, to: blob)
    let part = try program.run("verify", "--read-data", "--json")
    #expect(part.status == 2)
    let problems = try #require(try part.json()["problems"] as? [[String: Any]])
    #expect(problems.count == 1)
    #expect((problems[0]["what"] as? String)?.contains(digest) == true)
    let hurts = try #require(problems[0]["hurts"] as? [[String: Any]])
    #expect(hurts.map { $0["checkpoint"] as? String } == ["a@1"])
    let result = try program.run("restore", "a", "-o", "out")
    #expect(result.status == 5)
    #expect(result.error.contains("a@1 needs it"))
    #expect(!FileManager.default.fileExists(atPath: program.path + "/out"))
    // The next save of these bytes heals it.
    #expect(try program.run("save", "a").status == 0)
    #expect(try program.run("verify", "--read-data").status == 0)
  }

  @Test(.enabled(if: geteuid() == 0, "needs another user to be"))
  func aReadOnlyRepositoryCanBeRead() throws {
    let program = try Program()
    try program.seed([request("a")])
    try #require(chmod(program.path, 0o755) == 0)
    func asNobody(_ arguments: [String]) throws -> Program.Result {
      try program.run(through: ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"], arguments)
    }
    let log = try asNobody(["log", "--oneline", "--repo", program.path])
    #expect(log.status == 0, "\(log.error)")
    #expect(log.output.hasPrefix("a@1 "))
    let remove = try asNobody(["rm", "a", "--repo", program.path])
    #expect(remove.status == 7, "\(remove.error)")
    #expect(try program.run("log", "--oneline").output.hasPrefix("a@1 "))
  }
}
