import Foundation
import Testing

/// Names of any length fit the terminal.
@Suite struct LongNameTests {
  private static let long = String(repeating: "long-directory/", count: 8) + "last.ckpt"

  @Test func noLineIsWiderThanTheTerminal() throws {
    let program = try Program()
    let run = String(repeating: "run", count: 40)
    try program.seed([request(Self.long, run: run, tags: ["best"], metadata: ["k": .int(1)]), request("b", run: run)])
    let file = String(repeating: "d/", count: 50) + "file.safetensors"
    try program.add("safetensors/" + Self.fixture(), as: file)
    try program.run("save", file)
    for arguments in [
      ["log", "--oneline"], ["show", Self.long], ["find", file], ["log", "--where", "nosuchname = 1"],
      ["find", "--file", file, "--limit", "1"],
    ] {
      let shown = try program.run(arguments, environment: ["COLUMNS": "80"])
      for line in shown.lines + shown.error.split(separator: "\n").map(String.init) where !line.hasPrefix("error:") {
        #expect(line.count <= 80, "\(arguments[0]): \(line)")
      }
      #expect(shown.lines.count + shown.error.count > 0)
      // A pipe gets all.
      if arguments[0] != "log" || arguments[1] == "--oneline" {
        #expect(!(try program.run(arguments).output.contains("…")))
      }
    }
    let found = try program.run("find", file, environment: ["COLUMNS": "80"])
    #expect(found.lines.dropFirst().first?.hasPrefix("  is …") == true, "\(found)")
  }

  private static func fixture() throws -> String {
    let all = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path + "/safetensors")
    return try #require(all.filter { $0.hasSuffix(".safetensors") }.sorted().first)
  }

  @Test func rowsOfAnySizeTakeLittleMemory() throws {
    let program = try Program()
    try program.seed([request("a")])
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/prlimit") else { return }
    let sql =
      "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x LIMIT 1500) "
      + "SELECT n, zeroblob(1000000) AS b FROM x"
    let shown = try program.run(
      through: ["/usr/bin/env", "COLUMNS=80", "/usr/bin/prlimit", "--as=1000000000"], ["query", sql])
    #expect(shown.status == 0)
    #expect(shown.lines.count == 1_501)
    for line in shown.lines { #expect(line.count <= 80) }
    #expect(shown.lines.last?.hasSuffix("00…") == true)
    // Longer than any value may be.
    let refused = try program.run("query", "SELECT zeroblob(1100000)")
    #expect(refused.status == 1)
    #expect(refused.output == "")
  }

  @Test func whatCannotBeReadIsNotSaidToBeMissing() throws {
    let program = try Program()
    try program.seed()
    try program.add("bad/tensor_bytes_huge.pt", as: "a.pt")
    try program.add("bad/tensor_bytes_huge.pt", as: "b.pt")
    let shown = try program.run("cat", "./a.pt", "*a")
    #expect(shown.status == 5)
    #expect(!shown.error.contains("no such tensor"))
    #expect(shown.error.contains("too large"))
    let asked = try program.run("diff", "./a.pt", "./b.pt", "--values")
    #expect(!asked.output.contains("--values tells"))
    #expect(asked.output.contains("their values cannot be read"))
    #expect(try program.run("diff", "./a.pt", "./b.pt").output.contains("--values tells"))
    for name in ["tensor_empty_stride_huge", "tensor_empty_shape_huge"] {
      try program.add("bad/\(name).pt")
      #expect(try program.run("cat", "./\(name).pt", "*a").status == 0)
      #expect(try program.run("diff", "./\(name).pt", "./\(name).pt", "--values").status == 0)
    }
  }
}
