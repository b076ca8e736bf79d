import Cairn
import Foundation
import Testing

/// An argument is a name as it stands, else a file-system path.
@Suite struct NameTests {
  @Test func aFileIsFoundFromWhereverOneStands() throws {
    let program = try Program()
    try program.seed([request("runs/1/last.ckpt"), request("runs/1/last.ckpt"), request("last.ckpt")])
    try program.write([], to: "runs/1/other")
    func shown(_ name: String, in directory: String?) throws -> String? {
      try program.run("show", name, "--json", in: directory).json()["name"] as? String
    }
    #expect(try shown("runs/1/last.ckpt", in: nil) == "runs/1/last.ckpt@2")
    // As it stands first: there is a last.ckpt, and the file beside this directory's other is runs/1/last.ckpt.
    #expect(try shown("last.ckpt", in: "runs/1") == "last.ckpt@1")
    #expect(try shown("./last.ckpt", in: "runs/1") == "runs/1/last.ckpt@2")
    #expect(try shown("./last.ckpt@1", in: "runs/1") == "runs/1/last.ckpt@1")
    #expect(try shown("../1/last.ckpt@2", in: "runs/1") == "runs/1/last.ckpt@2")
    #expect(try shown(program.path + "/last.ckpt", in: "runs") == "last.ckpt@1")
    #expect(try program.run("rm", "./last.ckpt@1", in: "runs/1").output.hasPrefix("removed runs/1/last.ckpt@1\n"))
  }

  @Test func somethingRemovedSaysSo() throws {
    let program = try Program()
    try program.seed([request("a/b"), request("c")])
    #expect(try program.run("rm", "a/b").status == 0)
    try program.write([], to: "a/other")
    for (name, directory) in [("a/b", nil), ("a/b@1", nil), ("b", "a")] {
      let result = try program.run("show", name, in: directory)
      #expect(result.status == 3)
      #expect(result.error.contains("was removed on"))
    }
    let result = try program.run("show", "d")
    #expect(result.status == 3)
    #expect(result.error.hasPrefix("error: d: no such checkpoint in "))
    #expect(result.error.contains("\nhint: `cairn log` lists what there is\n"))
  }

  @Test func copyMakesAVersionThatSharesAllBytes() throws {
    let program = try Program()
    try program.seed([request("a", run: "r", step: 7, tags: ["best"])])
    let copy = try program.run("cp", "best", "released/v1", "--tag", "v1", "--json").json()
    #expect(copy["name"] as? String == "released/v1@1")
    #expect(copy["new_bytes"] as? Int == 0)
    let shown = try program.run("show", "v1", "--json").json()
    #expect(shown["step"] as? Int == 7)
    #expect(shown["tags"] as? [String] == ["v1"])
    #expect(try program.run("rm", "a").status == 0)
    #expect(try program.run("show", "released/v1").status == 0)
    #expect(try program.run("cp", "v1", "x@3").status == 64)
  }
}
