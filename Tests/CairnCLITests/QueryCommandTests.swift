import Cairn
import Foundation
import Testing

@Suite struct QueryCommandTests {
  private func seeded() throws -> Program {
    let program = try Program()
    try program.seed([
      request("last.ckpt", run: "resnet", step: 10, metrics: ["val_loss": 0.5], metadata: ["note": "a, \"b\"\nc"]),
      request("last.ckpt", run: "resnet", step: 20, metrics: ["val_loss": 0.25], tags: ["best"]),
      request("模型/最后.ckpt"),
    ])
    return program
  }

  @Test func aTableHasNumbersAtTheRightAndSaysNull() throws {
    let program = try seeded()
    let result = try program.run(
      "query", "SELECT path, run, step, x'00ff' AS b, char(27) AS e FROM checkpoints ORDER BY created, step")
    #expect(
      result.output == """
        path            run     step  b     e
        last.ckpt       resnet    10  00ff  \\u{1b}
        last.ckpt       resnet    20  00ff  \\u{1b}
        模型/最后.ckpt  NULL    NULL  00ff  \\u{1b}

        """)
    #expect(try program.run("query", "SELECT 1 AS a, '' AS b WHERE 0").output == "a  b\n")
  }

  @Test func aTableFitsTheTerminalOrBecomesAList() throws {
    let program = try seeded()
    for columns in [80, 200] {
      let result = try program.run(
        "query", "SELECT name, dtype, shape, strides, bytes, digests, checkpoint_id FROM tensors WHERE path = ?",
        "last.ckpt", environment: ["COLUMNS": "\(columns)"])
      #expect(result.lines.count == 5)
      for line in result.lines { #expect(line.count <= columns) }
      #expect(result.output.contains("…"))
    }
    let list = try program.run(
      "query", "SELECT * FROM checkpoints WHERE version = 2", environment: ["COLUMNS": "80"])
    #expect(list.lines[0] == "row 1")
    #expect(list.lines.contains("  step        20"))
    for line in list.lines { #expect(line.count <= 80) }
    let plain = try program.runInTerminal("query", "--no-color", "SELECT path FROM checkpoints", columns: 80)
    #expect(!plain.contains("\u{1B}"))
    #expect(try program.runInTerminal("query", "SELECT path FROM checkpoints", columns: 80).contains("\u{1B}[1m"))
  }

  @Test func manyRowsAreOneTable() throws {
    let program = try seeded()
    let sql = "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x LIMIT 2500) SELECT n, 'x' AS y FROM x"
    let lines = try program.run("query", sql).lines
    #expect(lines.count == 2_501)
    #expect(lines[1] == "   1  x")
    #expect(lines[2_500] == "2500  x")
  }

  @Test func jsonIsAListOfObjects() throws {
    let program = try seeded()
    let sql = """
      SELECT step, step, 9007199254740993 AS big, 0.1 AS real, metadata AS text, x'00ff' AS b, NULL AS n, 9e999 AS inf
      FROM checkpoints WHERE step = 10
      """
    let result = try program.run("query", "--json", sql)
    #expect(
      result.output == """
        [
          {"step": 10, "step_2": 10, "big": 9007199254740993, "real": 0.1, "text": \
        "{\\"note\\":\\"a, \\\\\\"b\\\\\\"\\\\nc\\"}", "b": "00ff", "n": null, "inf": "Infinity"}
        ]

        """)
    let all = try JSONSerialization.jsonObject(
      with: Data(try program.run("query", "--json", "SELECT path FROM checkpoints ORDER BY created").output.utf8))
    #expect((all as? [[String: String]])?.last?["path"] == "模型/最后.ckpt")
    #expect(try program.run("query", "--json", "SELECT 1 WHERE 0").output == "[]\n")
  }

  @Test func csvIsQuotedAsRFC4180Says() throws {
    let program = try seeded()
    let result = try program.run(
      "query", "--csv", #"SELECT 'a,b' AS "x ""y""", '' AS empty, NULL AS none, 'l"i'||char(10)||'ne' AS l, 1.5 AS r"#)
    #expect(result.output == "\"x \"\"y\"\"\",empty,none,l,r\r\n\"a,b\",\"\",,\"l\"\"i\nne\",1.5\r\n")
    #expect(try program.run("query", "--csv", "--json", "SELECT 1").status == 64)
  }

  @Test func whatIsWrongIsShownInItsPlace() throws {
    let program = try seeded()
    let result = try program.run("query", "SELECT checkpoint,\n  stp FROM checkpoints")
    #expect(result.status == 64)
    #expect(result.output == "")
    #expect(result.error.hasPrefix("error: no such column: stp\n    stp FROM checkpoints\n    ^\nhint: "))
    #expect(result.error.contains("checkpoints has checkpoint, id, path"))
    #expect(try program.run("query", "SELECT * FROM steps").error.contains("the views are checkpoints, tensors"))
    #expect(try program.run("query", "DELETE FROM tag").error.contains("DELETE is refused: a query only reads"))
    #expect(try program.run("query").status == 64)
    #expect(try program.run("query", "SELECT ?").status == 64)
  }

  @Test func aQueryWithoutEndIsStopped() throws {
    let program = try seeded()
    let endless = "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x)"
    let result = try program.run("query", "--timeout", "0.2", "\(endless) SELECT max(n) FROM x")
    #expect(result.status == 1)
    #expect(result.output == "")
    #expect(result.error.contains("the query was stopped after 0.2 s"))
    // A list that was cut off cannot be taken for whole.
    let json = try program.run("query", "--json", "--timeout", "0.2", "\(endless) SELECT n FROM x WHERE n < 3")
    #expect(json.status == 1)
    #expect(json.output == "[\n  {\"n\": 1},\n  {\"n\": 2}\n")
    #expect(try program.run("query", "--timeout", "-1", "SELECT 1").status == 64)
  }

  @Test func argumentsAreValues() throws {
    let program = try seeded()
    let result = try program.run(
      "query", "--csv", "SELECT typeof(?), typeof(?), typeof(?), ?", "--", "1", "-0.5", "12345e6",
      "'; DROP TABLE blob; --")
    #expect(result.output.hasSuffix("\r\ninteger,real,text,'; DROP TABLE blob; --\r\n"))
  }

  @Test func theViewsAreListedAndInTheHelp() throws {
    let program = try seeded()
    let listed = try program.run("query", "--views", environment: ["COLUMNS": "80"])
    #expect(listed.lines.contains("tensors: a row for each tensor of each checkpoint"))
    for line in listed.lines { #expect(line.count <= 80) }
    let views = try #require(try program.run("query", "--views", "--json").json()["views"] as? [[String: Any]])
    #expect(views.compactMap { $0["name"] as? String } == ["checkpoints", "tensors", "runs", "metrics", "blobs"])
    let help = try program.run("query", "--help").output
    #expect(help.contains("metrics: checkpoint, checkpoint_id, run, step, epoch, name, value"))
  }

  @Test func itReadsWhereItMayNotWrite() throws {
    let program = try seeded()
    _ = try program.run("log")
    guard getuid() == 0 else { return }
    for place in [program.path, program.path + "/.cairn"] {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
    }
    let result = try program.run(
      through: ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "--"],
      ["query", "--repo", program.path + "/.cairn", "SELECT count(*) FROM tensors"])
    #expect(result.lines.last?.trimmingCharacters(in: .whitespaces) == "6" || result.error.contains("trusted"))
  }
}
