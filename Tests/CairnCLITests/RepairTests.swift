import Cairn
import Foundation
import Testing

/// What has rotted or gone is put back from files that have the same bytes.
@Suite struct RepairTests {
  private func program() throws -> Program {
    let program = try Program()
    #expect(try program.run("init").status == 0)
    for fixture in Fixtures.finetune.prefix(2) {
      try program.add(fixture, as: fixture)
      #expect(try program.run("save", fixture).status == 0)
    }
    return program
  }

  private func files(_ program: Program, _ isWanted: (String) -> Bool) throws -> [String] {
    let root = program.path + "/.cairn/blobs"
    return try FileManager.default.subpathsOfDirectory(atPath: root).filter { name in
      name.contains("/") && !name.hasSuffix(".bad") && isWanted(name)
    }.map { root + "/" + $0 }
  }

  /// With its modification time, which is a part of a file's manifest.
  private func copy(_ file: String, to copy: String, _ program: Program) throws {
    try FileManager.default.createDirectory(atPath: program.path + "/copies", withIntermediateDirectories: true)
    let copying = Process()
    copying.executableURL = URL(fileURLWithPath: "/bin/cp")
    copying.arguments = ["-p", program.path + "/" + file, program.path + "/" + copy]
    try copying.run()
    copying.waitUntilExit()
    #expect(copying.terminationStatus == 0)
  }

  private func rot(_ paths: [String]) throws {
    for path in paths {
      var content = try Data(contentsOf: URL(fileURLWithPath: path))
      content[content.count / 2] ^= 1
      try FileManager.default.removeItem(atPath: path)
      try content.write(to: URL(fileURLWithPath: path))
    }
  }

  @Test(arguments: ["manifests", "data", "gone"])
  func fromACopyOfTheFile(_ what: String) throws {
    let program = try program()
    let hurt = try files(program) { name in
      what == "gone" || name.hasSuffix(".zst") == (what == "manifests")
    }
    #expect(hurt.count >= 2)
    if what == "gone" { for path in hurt { try FileManager.default.removeItem(atPath: path) } } else { try rot(hurt) }
    let (first, second) = (Fixtures.finetune[0], Fixtures.finetune[1])
    try copy(first, to: "copies/one", program)
    try copy(second, to: "copies/two", program)
    // The first has what is the first's, and no more.
    let some = try program.run("verify", "--read-data", "--repair", "--from", "copies/one", "--json")
    #expect(some.status == 2, "\(some.error)")
    let report = try some.json()
    #expect((report["repaired"] as? [String])?.contains { $0.hasPrefix("copies/one: ") } == true)
    let problems = try #require(report["problems"] as? [[String: Any]])
    let hurts = problems.flatMap { $0["hurts"] as? [[String: Any]] ?? [] }
    let names = Set(hurts.compactMap { $0["checkpoint"] as? String })
    #expect(names == [second + "@1"])
    #expect(try program.run("restore", first, "-o", "out", "--force").status == 0)
    #expect(try program.contents("out") == program.contents(first))
    let all = try program.run("verify", "--read-data", "--repair", "--from", "copies/two")
    #expect(all.status == 0, "\(all.error)\(all.output)")
    for fixture in [first, second] {
      #expect(try program.run("restore", fixture, "-o", "out", "--force").status == 0)
      #expect(try program.contents("out") == program.contents(fixture))
    }
    // It is nobody's checkpoint.
    let listed = try #require(try program.run("log", "--json").json()["checkpoints"] as? [[String: Any]])
    #expect(listed.count == 2)
    #expect(try program.run("gc").status == 0)
    #expect(try program.run("verify", "--read-data").status == 0)
  }

  @Test func aFileThatHasNoneOfItPutsNothingBack() throws {
    let program = try program()
    try rot(files(program) { !$0.hasSuffix(".zst") })
    try "nothing".write(toFile: program.path + "/other", atomically: false, encoding: .utf8)
    let result = try program.run("verify", "--read-data", "--repair", "--from", "other")
    #expect(result.status == 2)
    #expect((result.output + result.error).contains("other: 0 missing blobs put back"))
    #expect(try program.run("verify", "--from", "other").status == 64)
    #expect(try program.run("verify", "--read-data", "--repair", "--from", "none").status != 0)
  }
}
