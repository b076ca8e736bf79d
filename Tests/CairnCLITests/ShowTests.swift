import Cairn
import Foundation
import Testing

@Suite struct ShowTests {
  @Test func tensorsAreListed() throws {
    let program = try Program()
    try program.seed([request("a", run: "r", step: 3, metrics: ["loss": 0.5], tags: ["best"], metadata: ["note": "x"])])
    let shown = try program.run("show", "a")
    #expect(shown.status == 0)
    #expect(shown.output.contains("a@1\n"))
    #expect(shown.output.contains("  note = \"x\"") || shown.output.contains("note = \"x\"\n"))
    #expect(shown.output.contains("loss=0.5\n"))
    #expect(
      shown.lines.contains { $0.split(separator: " ") == ["backbone.weight", "uint8", "1000×100", "97.7", "KiB"] })
    let tensors = try #require(try program.run("show", "best", "--json").json()["tensors"] as? [[String: Any]])
    #expect(tensors.map { $0["name"] as? String } == ["backbone.weight", "head.weight"])
    #expect(tensors[1]["dtype"] as? String == "float32")
    #expect(tensors[1]["shape"] as? [Int] == [50, 50])
    #expect(tensors[1]["strides"] as? [Int] == [50, 1])
    #expect(tensors[1]["bytes"] as? Int == 10_000)
    #expect(tensors[1]["storage"] as? Int == 1)
    #expect(tensors[1]["byte_offset"] as? Int == 0)
  }

  @Test func whatATerminalWouldObeyIsShown() throws {
    let program = try Program()
    try program.seed([request("a", metadata: ["note\u{202E}": "x"])], head: "h\u{1B}[2J\nead")
    let shown = try program.run("show", "a")
    #expect(shown.output.contains("h\\u{1b}[2J\\u{a}ead"))
    #expect(shown.output.contains("note\\u{202e}"))
    #expect(!shown.output.contains("\u{1B}"))
  }

  @Test func exactSizesAreToBeHad() throws {
    let program = try Program()
    try program.seed([request("a")])
    #expect(try program.run("show", "a", "--bytes").lines.contains { $0.hasSuffix("1000×100  100000") })
  }
}
