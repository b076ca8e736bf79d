import Cairn
import Foundation
import Testing

@Suite struct DiffTests {
  /// The fine-tuning run's checkpoints as versions of one path; the newest is left as a file.
  private static func finetune() throws -> Program {
    let program = try Program()
    try program.run("init")
    for fixture in Fixtures.finetune.prefix(3) {
      try? FileManager.default.removeItem(atPath: program.path + "/m.ckpt")
      try program.add(fixture, as: "m.ckpt")
      try program.run("save", "m.ckpt")
    }
    return program
  }

  @Test func whatHasChangedIsListedAndTheBackboneIsNot() throws {
    let program = try Self.finetune()
    let shown = try program.run("diff", "m.ckpt@1", "m.ckpt", "--no-color")
    #expect(shown.status == 0)
    #expect(shown.lines.contains { $0.split(separator: " ") == ["step", "8", "24"] })
    #expect(
      shown.lines.contains {
        $0.split(separator: " ") == ["changed", "state_dict.head.0.weight", "float32", "16×256", "16.0", "KiB"]
      })
    #expect(!shown.output.contains("backbone"))
    #expect(try #require(shown.lines.last).contains("tensors unchanged; "))
    let json = try program.run("diff", "m.ckpt@1", "m.ckpt", "--json").json()
    #expect(json["a"] as? String == "m.ckpt@1")
    #expect(json["different"] as? Bool == true)
    #expect((json["unchanged"] as? Int ?? 0) >= 16)
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    let head = try #require(tensors.first { $0["name"] as? String == "state_dict.head.0.weight" })
    #expect(head["change"] as? String == "changed")
    #expect(head["certain"] as? Bool == true)
    #expect((head["a"] as? [String: Any])?["shape"] as? [Int] == [16, 256])
    #expect(head["values"] == nil)
    let metadata = try #require(json["metadata"] as? [[String: Any]])
    #expect(metadata.first?["name"] as? String == "step")
    #expect(metadata.first?["b"] as? Int == 24)
  }

  @Test(arguments: [80, 200])
  func tablesFitTheTerminal(_ width: Int) throws {
    let program = try Self.finetune()
    let shown = try program.run(
      "diff", "m.ckpt@1", "m.ckpt", "--values", environment: ["COLUMNS": String(width)])
    #expect(shown.lines.allSatisfy { $0.count <= width })
    let heading = try #require(shown.lines.first { $0.hasPrefix("change ") })
    for title in ["tensor", "max |Δ|", "rel L2", "differ"] { #expect(heading.contains(title)) }
    #expect(heading.contains("size") == (width == 200) || width == 80)
    #expect(shown.lines.contains { $0.contains("dict.head.2.bias") && $0.contains("100 %") })
  }

  @Test func filesThatAreNotSavedAreCompared() throws {
    let program = try Self.finetune()
    try program.add(Fixtures.finetune[3], as: "new.ckpt")
    let same = try program.run("diff", "m.ckpt", "./m.ckpt", "--exit-code")
    #expect(same.status == 0)
    #expect(same.lines.first?.hasPrefix("no tensor differs; ") == true)
    let other = try program.run("diff", "m.ckpt", "new.ckpt", "--exit-code", "--stat")
    #expect(other.status == 1)
    #expect(other.lines.count == 1)
    #expect(try program.run("diff", "m.ckpt", "new.ckpt").status == 0)
    // Where there is no repository at all, too.
    try program.add(Fixtures.finetune[3], as: "away/a.ckpt")
    try program.add(Fixtures.finetune[3], as: "away/b.ckpt")
    try FileManager.default.removeItem(atPath: program.path + "/.cairn")
    #expect(try program.run("diff", "a.ckpt", "b.ckpt", "--exit-code", in: "away").status == 0)
  }

  @Test func whatCannotBeComparedIsAnError() throws {
    let program = try Self.finetune()
    try program.write([1, 2, 3], to: "x.bin")
    #expect(try program.run("diff", "m.ckpt", "nothing").status == 3)
    let opaque = try program.run("diff", "m.ckpt", "x.bin")
    #expect(opaque.status == 64)
    #expect(opaque.error.contains("x.bin: neither a PyTorch zip container nor a safetensors file"))
    try program.write(try program.contents("m.ckpt").dropLast(500), to: "cut.ckpt")
    let cut = try program.run("diff", "m.ckpt", "./cut.ckpt")
    #expect(cut.status == 5)
    #expect(!cut.error.contains("saved"))
  }

  @Test func numbersThatJSONDoesNotHaveAreTextInIt() throws {
    let program = try Program()
    let repository = try Repository.initialize(program.path + "/.cairn", journal: .wal)
    for (name, values) in [("a", [0, 0, 1]), ("b", [0, .nan, 1 / 0])] as [(String, [Float])] {
      _ = try repository.save(
        ["x": .tensor(try Tensor(values)), "y": .tensor(try Tensor([name == "a" ? 0 : 1 as Float]))],
        SaveRequest(path: name))
    }
    let json = try program.run("diff", "a", "b", "--values", "--json").json()
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    let values = tensors.compactMap { $0["values"] as? [String: Any] }
    #expect(values.map { $0["new_nan"] as? Int } == [1, 0])
    #expect(values.map { $0["new_inf"] as? Int } == [1, 0])
    #expect(values.map { $0["changed"] as? Int } == [2, 1])
    #expect(values[0]["max_abs"] as? Double == 0)
    #expect(values[1]["rel_l2"] as? String == "Infinity")
    #expect(values[1]["share"] as? Double == 1)
    let shown = try program.run("diff", "a", "b", "--values")
    #expect(shown.lines.contains { $0.contains("NaN") && $0.contains("Inf") })
    #expect(shown.lines.contains { $0.hasPrefix("changed") && $0.contains(" inf ") })
  }

  @Test func hostileNamesAreShownAndNotObeyed() throws {
    let program = try Program()
    try program.seed([request("a")], head: "h\u{1B}[2J")
    try program.seedMore([request("b")])
    let shown = try program.run("diff", "a", "b", "--values")
    #expect(shown.status == 0)
    #expect(shown.output.contains("\\u{1b}[2J"))
    #expect(!shown.output.contains("\u{1B}"))
  }
}

extension Program {
  /// Saves a checkpoint whose tensors have other names.
  fileprivate func seedMore(_ requests: [SaveRequest]) throws {
    let repository = try Repository(opening: path + "/.cairn")
    for request in requests {
      _ = try repository.save(["other\u{202E}": .tensor(try Tensor([1, 2] as [Float]))], request)
    }
  }
}
