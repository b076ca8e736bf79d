import Cairn
import Foundation
import Testing

@Suite struct RemoveTests {
  @Test func whatWasRemovedAndFreedIsSaid() throws {
    let program = try Program()
    try program.seed([request("a"), request("a"), request("b")])
    let result = try program.run("rm", "a@1")
    #expect(result.status == 0)
    #expect(result.lines[0] == "removed a@1")
    #expect(result.lines[1].hasPrefix("freed "))
    let rest = try program.run("rm", "a", "b", "--json").json()
    #expect(rest["removed"] as? [String] == ["a@2", "b@1"])
    #expect(try #require(rest["freed_bytes"] as? Int) >= 120_000)
    #expect(rest["warnings"] as? [String] == [])
    #expect(try program.run("stats", "--json").json()["stored_bytes"] as? Int == 0)
  }

  @Test func somethingUnknownRemovesNothing() throws {
    let program = try Program()
    try program.seed([request("a", tags: ["best"])])
    let result = try program.run("rm", "a", "nothing")
    #expect(result.status == 3)
    #expect(result.error.contains("nothing: no such checkpoint"))
    #expect(try program.run("show", "a").status == 0)
    // A tag is no path: removing one must not remove all versions of what it points to.
    let tag = try program.run("rm", "best")
    #expect(tag.status == 64)
    #expect(tag.error.contains("cairn rm a@1"))
    #expect(try program.run("show", "a").status == 0)
    #expect(try program.run("rm", "--force", "a", "nothing").status == 0)
    #expect(try program.run("show", "a").status == 3)
  }

  @Test func quietSaysNothing() throws {
    let program = try Program()
    try program.seed([request("a")])
    let result = try program.run("rm", "a", "--quiet")
    #expect(result.status == 0)
    #expect(result.output == "")
    #expect(result.error == "")
  }
}
