import Foundation
import Testing

@Suite struct DemoTests {
  @Test func aFolderOfCheckpoints() throws {
    let program = try Program()
    for fixture in Fixtures.finetune { try program.add(fixture, as: "samples/" + fixture) }
    let temporary = ["TMPDIR": program.path + "/home"]
    let result = try program.run("demo", "samples/finetune", environment: temporary)
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output.contains("identical"))
    #expect(result.output.contains("all is well"))
    let report = try program.run("demo", "samples/finetune", "--json", environment: temporary).json()
    #expect((report["saved"] as? [Any])?.count == 5)
    #expect((report["restored"] as? [String: Any])?["identical"] as? Bool == true)
    #expect(try #require(report["freed_bytes"] as? Int) > 0)
    #expect(try #require(report["stored_bytes"] as? Int) < #require(report["logical_bytes"] as? Int))
    // Nothing stays, neither there nor here.
    let left = try FileManager.default.contentsOfDirectory(atPath: program.path + "/home")
    #expect(!left.contains { $0.hasPrefix("cairn-demo") })
    #expect(!FileManager.default.fileExists(atPath: program.path + "/.cairn"))
  }

  @Test func theSamplesAreLookedForAbove() throws {
    let program = try Program()
    #expect(try program.run("demo").status == 3)
    try program.add(Fixtures.finetune[0], as: "Tests/Fixtures/" + Fixtures.finetune[0])
    try FileManager.default.createDirectory(atPath: program.path + "/Sources/deep", withIntermediateDirectories: true)
    let temporary = ["TMPDIR": program.path + "/home"]
    let kept = try program.run("demo", "--keep", "--json", in: "Sources/deep", environment: temporary).json()
    let repository = try #require(kept["repository"] as? String)
    #expect(repository.hasPrefix(program.path + "/home/cairn-demo-"))
    #expect(try program.run("verify", "--repo", repository).status == 0)
  }

  @Test func aFolderWithoutCheckpoints() throws {
    let program = try Program()
    let result = try program.run("demo", "home")
    #expect(result.status == 3)
    #expect(result.error.contains("home: no checkpoints"))
  }
}
