import Cairn
import Foundation
import Testing

@Suite struct DiscoveryTests {
  @Test func theNearestAboveIsFound() throws {
    let program = try Program()
    try program.seed([request("outer")])
    try FileManager.default.createDirectory(atPath: program.path + "/a/b", withIntermediateDirectories: true)
    #expect(try program.run("log", "--oneline", in: "a/b").output.hasPrefix("outer@1 "))
    #expect(try program.run("init", "--quiet", in: "a").status == 0)
    #expect(try program.run("log", in: "a/b").output == "")
    #expect(try program.run("log", "--oneline", in: nil).output.hasPrefix("outer@1 "))
  }

  @Test func whatIsNamedComesFirst() throws {
    let program = try Program()
    try program.seed([request("here")])
    #expect(try program.run("init", "other", "--quiet").status == 0)
    #expect(try program.run("init", "--bare", "third", "--quiet").status == 0)
    let named = ["CAIRN_REPO": "other"]
    #expect(try program.run("log", environment: named).output == "")
    #expect(try program.run("log", "--oneline", "--repo", ".", environment: named).output.hasPrefix("here@1"))
    #expect(try program.run("log", "--repo", "third").status == 0)
    #expect(try program.run("log", "--oneline", environment: ["CAIRN_REPO": ""]).output.hasPrefix("here@1"))
    let nothing = try program.run("log", "--repo", "home")
    #expect(nothing.status == 4)
    #expect(nothing.error.contains("/home: no Cairn repository"))
  }

  @Test func withoutOneTheWayToMakeItIsSaid() throws {
    let program = try Program()
    let result = try program.run("log")
    #expect(result.status == 4)
    #expect(result.output == "")
    #expect(result.error.contains("error: \(program.path): no Cairn repository here or in a directory above"))
    #expect(result.error.contains("hint: make one with `cairn init`"))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
  func somebodyElsesIsNotUsedUnlessTrusted() throws {
    let program = try Program()
    try program.seed([request("a")])
    let repository = program.path + "/.cairn"
    try #require(chown(repository, 65_534, 65_534) == 0)
    let result = try program.run("log")
    #expect(result.status == 4)
    #expect(result.error.contains("\(repository): belongs to another user"))
    #expect(result.error.contains("add this line to \(program.path)/home/.config/cairn/trusted: \(repository)"))
    // A link of one's own to it is not enough.
    try FileManager.default.createDirectory(atPath: program.path + "/below", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: program.path + "/below/.cairn", withDestinationPath: repository)
    #expect(try program.run("log", in: "below").status == 4)
    // Whoever names it knows what they do.
    #expect(try program.run("log", "--repo", ".").status == 0)
    #expect(try program.run("log", environment: ["CAIRN_REPO": repository]).status == 0)
    try program.write(Array("# mine\n\(repository)\n".utf8), to: "home/.config/cairn/trusted")
    #expect(try program.run("log").status == 0)
    #expect(try program.run("log", environment: ["XDG_CONFIG_HOME": program.path + "/none"]).status == 4)
  }

  @Test func trustIsByOwnerOrList() throws {
    let program = try Program()
    try program.seed()
    let repository = program.path + "/.cairn"
    let home = program.path + "/home"
    let stranger = RepositoryDiscovery(environment: ["HOME": home], user: geteuid() + 1)
    #expect(try RepositoryDiscovery(environment: ["HOME": home]).repository(from: program.path) == repository)
    for (list, isTrusted) in [
      ("", false), (repository, true), (program.path, true), ("*", true), ("  \(repository)/  ", true),
      ("\(repository)x\n", false), ("relative/.cairn", false), ("\n/elsewhere\r\n\(repository)\r\n", true),
      ("# \(repository)", false), ("/", false),
    ] {
      try program.write(Array(list.utf8), to: "home/.config/cairn/trusted")
      if isTrusted {
        #expect(try stranger.repository(from: program.path + "/home") == repository)
      } else {
        #expect { try stranger.repository(from: program.path + "/home") } throws: {
          ($0 as? CairnError)?.kind == .untrusted
        }
      }
    }
    // What is named is not looked at.
    #expect(try stranger.repository(named: "/anything") == "/anything")
  }
}
