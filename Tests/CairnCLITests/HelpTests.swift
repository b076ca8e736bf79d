import Foundation
import Testing

@Suite struct HelpTests {
  private static let topics = [
    "names", "expressions", "repository", "pointers", "retention", "sql", "json", "exit-codes", "environment",
  ]

  @Test func topicsAreListedAndPrinted() throws {
    let program = try Program()
    let list = try program.run("help")
    #expect(list.status == 0)
    for topic in Self.topics {
      #expect(list.lines.contains { $0.hasPrefix("  \(topic) ") })
      let result = try program.run("help", topic, environment: ["COLUMNS": "80"])
      #expect(result.status == 0)
      #expect(result.output.hasPrefix("\(topic): "))
      for line in result.lines { #expect(line.count <= 80, "\(line)") }
      let narrow = try program.run("help", topic, environment: ["COLUMNS": "50"])
      #expect(narrow.lines.filter { !$0.hasPrefix(" ") }.allSatisfy { $0.count <= 50 })
    }
    #expect(try program.run("help", "exit-codes").output.contains("3  no such checkpoint"))
  }

  @Test func commandsHaveTheirHelpAsBefore() throws {
    let program = try Program()
    #expect(try program.run("help", "prune").output == program.run("prune", "--help").output)
    let unknown = try program.run("help", "nothing")
    #expect(unknown.status == 64)
    #expect(unknown.error.contains("hint: the topics are names, "))
  }

  @Test func manualPagesAreWritten() throws {
    let program = try Program()
    #expect(try program.run("manual", "man", environment: ["SOURCE_DATE_EPOCH": "86400"]).status == 0)
    let pages = try FileManager.default.contentsOfDirectory(atPath: program.path + "/man")
    #expect(Set(pages).isSuperset(of: Self.topics.map { "cairn-\($0).7" } + ["cairn.1", "cairn-save.1", "cairn-gc.1"]))
    #expect(!pages.contains("cairn-manual.1"))
    let save = String(decoding: try program.contents("man/cairn-save.1"), as: UTF8.self)
    #expect(save.contains(".Dd January 2, 1970\n.Dt CAIRN\\-SAVE 1\n") || save.contains(".Dt CAIRN-SAVE 1\n"))
    #expect(save.contains(".Nd Save files or directories as new versions\n"))
    #expect(save.contains(".It Fl \\-repo Ar dir\n"))
    let mandoc = "/usr/bin/mandoc"
    guard FileManager.default.isExecutableFile(atPath: mandoc) else { return }
    for page in pages {
      let said = try program.said(by: mandoc, ["-T", "lint", "-W", "warning", program.path + "/man/" + page])
      #expect(said == "")
    }
  }
}

extension Program {
  /// What another program prints.
  fileprivate func said(by executable: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    let file = path + "/home/said"
    _ = FileManager.default.createFile(atPath: file, contents: nil)
    process.standardOutput = FileHandle(forWritingAtPath: file)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    return try String(contentsOfFile: file, encoding: .utf8)
  }
}
