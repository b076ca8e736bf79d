import Cairn
import Foundation
import Testing

/// A repository from somebody else, whose log says what no `cairn save` would: names that lead out of it.
@Suite struct HostileLogTests {
  /// Has the checkpoint `victim` called `name` in the log, whose chain is made to fit, and the index forgotten.
  private func rename(to name: String, in program: Program) throws {
    let log = URL(fileURLWithPath: program.path + "/work/.cairn/log.jsonl")
    var previous = [UInt8](repeating: 0, count: 32)
    var lines = ""
    for line in try String(contentsOf: log, encoding: .utf8).split(separator: "\n") {
      let json = line.drop { $0 != " " }.dropFirst().replacing("\"victim\"", with: "\"\(name)\"")
      let digest = Digest(hashing: previous + Array(json.utf8))
      lines += digest.hex + " " + json + "\n"
      previous = Array(digest.bytes)
    }
    try lines.write(to: log, atomically: false, encoding: .utf8)
    for ending in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: program.path + "/work/.cairn/index.sqlite" + ending)
    }
  }

  private func files(_ program: Program) throws -> Set<String> {
    Set(
      try FileManager.default.subpathsOfDirectory(atPath: program.path).filter { name in
        !name.hasPrefix("work/.cairn/") && !name.hasPrefix("home")
      })
  }

  @Test(arguments: ["../evil", "../../evil", "a/../../evil", "..", "a/..", "a/.", "/ABSOLUTE/evil", "", "evil/"])
  func aNameThatLeadsOutWritesNothingThere(_ hostile: String) throws {
    let program = try Program()
    try FileManager.default.createDirectory(atPath: program.path + "/work", withIntermediateDirectories: true)
    #expect(try program.run("init", in: "work").status == 0)
    try program.add(Fixtures.finetune[0], as: "given")
    #expect(try program.run("save", "../given", "--as", "victim", in: "work").status == 0)
    let name = hostile.replacing("/ABSOLUTE", with: program.path)
    try rename(to: name, in: program)
    let before = try files(program)

    let listed = try program.run("log", "--json", in: "work")
    #expect(listed.status == 0, "\(listed.error)")
    let checkpoints = try #require(try listed.json()["checkpoints"] as? [[String: Any]])
    #expect(checkpoints.map { $0["path"] as? String } == [name])
    #expect(try program.run("verify", "--read-data", in: "work").status == 0)
    for command in [["restore"], ["restore", "--format", "safetensors"], ["cat"], ["cp", "--force"]] {
      _ = try program.run(command + [name + "@1"] + (command[0] == "cp" ? ["copy"] : []), in: "work")
    }
    let made = try files(program).subtracting(before)
    // In the current directory, under the last part of the name, or nowhere.
    #expect(made.isSubset(of: ["work/evil", "work/copy"]), "\(made)")
    // With a place of one's own choice it is a checkpoint like any other, and can be removed.
    #expect(try program.run("gc", "--pointers", ".", in: "work").status == 0)
    #expect(try files(program).isSuperset(of: before))
    _ = try program.run("rm", "--force", name + "@1", in: "work")
    #expect(try files(program).isSuperset(of: before))
  }
}
