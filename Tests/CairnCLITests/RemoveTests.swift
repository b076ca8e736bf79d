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

  @Test func theLogKnowsWhatWasRemoved() throws {
    let program = try Program()
    try program.seed([request("a"), request("a"), request("b"), request("c")])
    #expect(try program.run("log", "--removed").output == "")
    _ = try program.run("rm", "a@1", "b")
    let listed = try program.run("log", "--removed")
    #expect(listed.lines.count == 3)
    #expect(listed.lines[1].hasPrefix("b@1") || listed.lines[1].hasPrefix("a@1"))
    let removed = try #require(try program.run("log", "--removed", "--json", "a").json()["removed"] as? [[String: Any]])
    #expect(removed.map { $0["name"] as? String } == ["a@1"])
    #expect((removed[0]["time"] as? String)?.hasSuffix("Z") == true)
    #expect(removed[0]["user"] as? String != nil)
    #expect(removed[0]["host"] as? String != nil)
    // It is in the log, not in the index.
    _ = try program.run("reindex")
    #expect(try program.run("log", "--removed").lines == listed.lines)
    #expect(try program.run("log", "--removed", "--oneline").status == 64)
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
