import Cairn
import Foundation
import Testing

extension Program {
  /// Saves a state as the plugin does, and writes its pointer.
  @discardableResult
  fileprivate func savePointer(_ file: String, value: Int64 = 1) throws -> Pointer {
    let repository = try Repository(opening: path)
    let place = path + "/" + file
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: place).deletingLastPathComponent(), withIntermediateDirectories: true)
    let tensor = try Tensor([1, 2, Float(value)] as [Float])
    var request = SaveRequest(path: repository.name(forPointer: place))
    request.pointer = true
    let report = try repository.save(["epoch": .int(value), "w": .tensor(tensor)] as Checkpoint, request)
    let pointer = Pointer(
      repository: repository.configuration.id, place: repository.path, checkpoint: report.id,
      manifest: report.manifest, name: "\(report.path)@\(report.version)", locations: ["cpu"])
    try pointer.write(to: place, overwrite: true)
    return pointer
  }

  fileprivate func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }
}

@Suite struct PointerTests {
  private func program() throws -> Program {
    let program = try Program()
    try program.seed()
    return program
  }

  @Test func restoreMakesARealFileOfAPointer() throws {
    let program = try program()
    let pointer = try program.savePointer("runs/last.ckpt", value: 1)
    // Another version at the same path, which the pointer does not name.
    _ = try Repository(opening: program.path).save(["epoch": 2] as Checkpoint, SaveRequest(path: "runs/last.ckpt"))
    #expect(try program.run("restore", "runs/last.ckpt", "-o", "real.ckpt").status == 0)
    #expect(try Pointer.read(program.path + "/real.ckpt") == nil)
    #expect(try program.run("save", "real.ckpt").status == 0)
    let extracted = try program.run("show", "real.ckpt", "--json").json()["extracted"] as? [String: Any]
    #expect(extracted?["epoch"] as? Int == 1)
    // Into a directory, it is called as the pointer; from elsewhere, the pointer tells where its repository is.
    #expect(try program.run("restore", program.path + "/runs/last.ckpt", "-o", ".", in: "home").status == 0)
    #expect(program.exists("home/last.ckpt"))
    let before = try program.contents("runs/last.ckpt")
    let refused = try program.run("restore", "runs/last.ckpt")
    #expect(refused.status == 1)
    #expect(refused.error.contains("is the pointer itself"))
    #expect(try program.contents("runs/last.ckpt") == before)
    #expect(try program.run("restore", "runs/last.ckpt", "--force").status == 0)
    #expect(try program.contents("runs/last.ckpt").count == program.contents("real.ckpt").count)
    #expect(try Pointer.read(program.path + "/runs/last.ckpt") == nil)
    #expect(try Repository(opening: program.path).checkpoint(id: pointer.checkpoint) != nil)
  }

  @Test func aCopiedPointerCounts() throws {
    let program = try program()
    try program.savePointer("runs/last.ckpt")
    try FileManager.default.createDirectory(atPath: program.path + "/keep", withIntermediateDirectories: true)
    let result = try program.run("cp", "runs/last.ckpt", "keep", "--tag", "v1", "--json").json()
    #expect(result["name"] as? String == "keep/last.ckpt@1")
    #expect(result["file"] as? String == "keep/last.ckpt")
    #expect(try program.run("rm", "runs/last.ckpt@1").status == 0)
    #expect(try program.run("restore", "keep/last.ckpt", "-o", "out.ckpt").status == 0)
    let dead = try program.run("restore", "runs/last.ckpt", "-o", "out2.ckpt")
    #expect(dead.status == 3)
    #expect(dead.error.contains("runs/last.ckpt: points to runs/last.ckpt@1"))
    #expect(dead.error.contains("which was removed on"))
    #expect(!program.exists("out2.ckpt"))
    let list = try String(contentsOfFile: program.path + "/home/.config/cairn/repositories", encoding: .utf8)
    #expect(list.hasSuffix(" \(program.path)/.cairn\n"))
    // Nothing is overwritten by itself, and the source not at all.
    #expect(try program.run("cp", "keep/last.ckpt", "out.ckpt").status == 1)
    #expect(try program.run("cp", "keep/last.ckpt", "keep", "--force").status == 64)
    #expect(try program.run("cp", "keep/last.ckpt", "out.ckpt", "--force").status == 0)
    #expect(try Pointer.read(program.path + "/out.ckpt")?.name == "out.ckpt@1")
  }

  @Test func aPointerIsMadeOfACheckpointThatHasNone() throws {
    let program = try program()
    try program.write(Array("no container".utf8), to: "notes")
    #expect(try program.run("save", "notes").status == 0)
    let report = try Repository(opening: program.path).save(
      ["w": .tensor(try Tensor([1, 2] as [Float]))] as Checkpoint, SaveRequest(path: "states/a"))
    #expect(try program.run("cp", "states/a", "home", "--pointer").status == 0)
    let pointer = try #require(try Pointer.read(program.path + "/home/a"))
    #expect(pointer.name == "home/a@1")
    #expect(pointer.manifest == report.manifest)
    #expect(pointer.locations == ["cpu"])
    #expect(try program.run("rm", "states/a").status == 0)
    #expect(try program.run("restore", "home/a", "-o", "real.ckpt").status == 0)
    // What nothing could load from a pointer.
    let refused = try program.run("cp", "notes", "home/notes", "--pointer")
    #expect(refused.status == 64)
    #expect(refused.error.contains("nothing can follow a pointer to it"))
    #expect(try program.run("show", "home/notes").status == 3)
  }

  /// `files="full"` of the plugin.
  @Test func aFullFileIsCopiedAsOne() throws {
    let program = try program()
    try program.savePointer("runs/last.ckpt", value: 7)
    let repository = try Repository(opening: program.path)
    let record = try repository.checkpoint(PathName(path: "runs/last.ckpt"))
    _ = try repository.copy(
      record, toPointerAt: program.path + "/full.ckpt", SaveRequest(path: ""), full: true, overwrite: false,
      discovery: RepositoryDiscovery(environment: [:]))
    let copied = try program.run("cp", "full.ckpt", "home/copy.ckpt")
    #expect(copied.status == 0)
    #expect(copied.output.contains("home/copy.ckpt holds it"))
    let file = program.path + "/home/copy.ckpt"
    #expect(try Pointer.read(file) == nil)
    let held = try #require(try Pointer.readHeld(file))
    #expect(held.name == "home/copy.ckpt@1")
    #expect(try repository.checkpoint(id: held.checkpoint)?.pointer == true)
    #expect(try program.run("cp", "full.ckpt", "small.ckpt", "--pointer").status == 0)
    #expect(try Pointer.read(program.path + "/small.ckpt")?.name == "small.ckpt@1")
    // They are what the checkpoint is, and do not need the repository.
    try FileManager.default.removeItem(atPath: program.path + "/small.ckpt")
    try FileManager.default.moveItem(atPath: program.path + "/.cairn", toPath: program.path + "/gone")
    #expect(try program.run("init", "other", "--quiet").status == 0)
    #expect(try program.run("save", "home/copy.ckpt", "--repo", "other").status == 0)
    let shown = try program.run("show", "home/copy.ckpt", "--repo", "other", "--json").json()
    #expect((shown["extracted"] as? [String: Any])?["epoch"] as? Int == 7)
    #expect(shown["tensor_count"] as? Int == 1)
  }

  @Test func rmOfAFileIsThatOfTheFileAndOfWhatItHolds() throws {
    let program = try program()
    let repository = try Repository(opening: program.path)
    let pointer = try program.savePointer("runs/a.ckpt", value: 1)
    // Another version of the path, which the pointer does not hold.
    _ = try repository.save(["epoch": 2] as Checkpoint, SaveRequest(path: "runs/a.ckpt"))
    let removed = try program.run("rm", "runs/a.ckpt", "./runs/a.ckpt", "--json").json()
    #expect(removed["files"] as? [String] == ["runs/a.ckpt"])
    #expect(removed["removed"] as? [String] == ["runs/a.ckpt@1"])
    #expect(!program.exists("runs/a.ckpt"))
    #expect(try repository.checkpoint(id: pointer.checkpoint) == nil)
    #expect(try program.run("show", "runs/a.ckpt@2").status == 0)
    // Now there is no file, so it is the name.
    #expect(try program.run("rm", "runs/a.ckpt").lines.first == "removed runs/a.ckpt@2")
    // path@n leaves the file.
    try program.savePointer("b.ckpt")
    #expect(try program.run("rm", "b.ckpt@1").status == 0)
    #expect(program.exists("b.ckpt"))
    #expect(try program.run("rm", "b.ckpt").lines.first == "removed b.ckpt")
    #expect(!program.exists("b.ckpt"))
  }

  @Test func rmFreesNothingThatIsHeldInAnotherWay() throws {
    let program = try program()
    let repository = try Repository(opening: program.path)
    let linked = try program.savePointer("linked.ckpt", value: 1)
    try FileManager.default.linkItem(atPath: program.path + "/linked.ckpt", toPath: program.path + "/second.ckpt")
    try FileManager.default.createSymbolicLink(
      atPath: program.path + "/soft.ckpt", withDestinationPath: program.path + "/second.ckpt")
    #expect(try program.run("rm", "soft.ckpt").status == 0)
    #expect(!program.exists("soft.ckpt") && program.exists("second.ckpt"))
    let first = try program.run("rm", "linked.ckpt")
    #expect(first.status == 0 && first.error.contains("has another hard link"))
    #expect(try repository.checkpoint(id: linked.checkpoint) != nil)
    #expect(try program.run("rm", "second.ckpt").status == 0)
    #expect(try repository.checkpoint(id: linked.checkpoint) == nil)
    let source = try program.savePointer("a.ckpt", value: 2)
    #expect(try program.run("cp", "a.ckpt", "tagged.ckpt", "--tag", "best").status == 0)
    let tagged = try program.run("rm", "tagged.ckpt", "a.ckpt")
    #expect(tagged.error.contains("tagged.ckpt@1: stays, since it has the tag best"))
    #expect(!program.exists("tagged.ckpt"))
    #expect(try program.run("show", "best").status == 0)
    #expect(try repository.checkpoint(id: source.checkpoint) == nil)
    // Nothing goes if one of the names is not there.
    try program.savePointer("c.ckpt")
    #expect(try program.run("rm", "c.ckpt", "nowhere").status == 3)
    #expect(program.exists("c.ckpt"))
  }

  @Test func saveRefusesPointersAndSaysWhatToDo() throws {
    let program = try program()
    try program.savePointer("runs/last.ckpt")
    for argument in ["runs/last.ckpt", "runs"] {
      let result = try program.run("save", argument)
      #expect(result.status == 64)
      #expect(result.error.contains("runs/last.ckpt: is a pointer to runs/last.ckpt@1"))
      #expect(result.error.contains("hint: `cairn cp`"))
    }
    #expect(try program.run("log", "--json").json()["checkpoints"].map { ($0 as? [Any])?.count } == 1)
  }

  @Test func showAndLogFollowAPointer() throws {
    let program = try program()
    let pointer = try program.savePointer("runs/last.ckpt")
    try FileManager.default.moveItem(atPath: program.path + "/runs/last.ckpt", toPath: program.path + "/home/moved")
    #expect(try program.run("show", "moved", "--json", in: "home").json()["id"] as? String == pointer.checkpoint)
    #expect(try program.run("log", "moved", "--oneline", in: "home").output.hasPrefix("runs/last.ckpt@1 "))
    // A repository that is named and is another one: then it is a name in that.
    #expect(try program.run("init", "other", "--quiet").status == 0)
    let other = try program.run("show", "home/moved", "--repo", "other")
    #expect(other.status == 3)
    #expect(other.error.contains("no such checkpoint in \(program.path)/other/.cairn"))
  }

  @Test func gcListsAndFreesVersionsWithoutPointers() throws {
    let program = try program()
    try program.savePointer("runs/a.ckpt", value: 1)
    try program.savePointer("runs/b.ckpt", value: 2)
    try program.write(Array("text".utf8), to: "runs/notes")
    #expect(try program.run("save", "runs/notes").status == 0)
    // A state of that name that has no pointer, and a pointer that was made by cp.
    let repository = try Repository(opening: program.path)
    let report = try repository.save(["epoch": 3] as Checkpoint, SaveRequest(path: "runs/c.ckpt"))
    #expect(try program.run("cp", "runs/b.ckpt", "runs/d.ckpt").status == 0)
    #expect(try program.run("show", report.path, "--json").json()["pointer"] as? Bool == false)
    #expect(try program.run("show", "runs/d.ckpt@1", "--json").json()["pointer"] as? Bool == true)
    unlink(program.path + "/runs/a.ckpt")
    unlink(program.path + "/runs/d.ckpt")
    let listed = try program.run("gc", "--pointers", "runs", "--json").json()
    let found = try #require(listed["checkpoints"] as? [[String: Any]])
    #expect(found.map { $0["name"] as? String } == ["runs/d.ckpt@1", "runs/a.ckpt@1"])
    #expect(listed["pointers"] as? Int == 1)
    #expect(listed["removed"] as? [String] == [])
    #expect(try program.run("show", "runs/a.ckpt").status == 0)
    #expect(try program.run("gc", "--pointers", "runs").output.contains("runs/a.ckpt@1"))
    #expect(try program.run("gc", "--remove").status == 64)
    let removed = try program.run("gc", "--pointers", "runs", "home", "--remove")
    #expect(Set(removed.lines.prefix(2)) == ["removed runs/a.ckpt@1", "removed runs/d.ckpt@1"])
    #expect(try program.run("show", "runs/c.ckpt").status == 0)
    #expect(try program.run("show", "runs/a.ckpt").status == 3)
    #expect(try program.run("show", "runs/b.ckpt").status == 0)
    #expect(try program.run("show", "runs/notes").status == 0)
  }

  @Test func hostileFilesAreNotFollowed() throws {
    let program = try program()
    let pointer = try program.savePointer("a.ckpt")
    #expect(mkfifo(program.path + "/fifo", 0o600) == 0)
    #expect(try program.run("restore", "fifo", "-o", "out").status == 3)
    var other = pointer
    other.manifest = Digest(hashing: [1])
    try other.write(to: program.path + "/wrong", overwrite: true)
    #expect(try program.run("restore", "wrong", "-o", "out").status == 64)
    other.checkpoint = "../../../../etc/passwd"
    try other.write(to: program.path + "/wrong", overwrite: true)
    #expect(try program.run("restore", "wrong", "-o", "out").status == 64)
    #expect(!program.exists("out"))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
  func somebodyElsesRepositoryIsNotFollowedInto() throws {
    let program = try program()
    try program.savePointer("a.ckpt")
    try #require(chown(program.path + "/.cairn", 65_534, 65_534) == 0)
    for arguments in [["restore", "a.ckpt", "-o", "out"], ["show", "a.ckpt"], ["cp", "a.ckpt", "b.ckpt"]] {
      let result = try program.run(arguments, in: "home/..")
      #expect(result.status == 4)
      #expect(result.error.contains("belongs to another user"))
    }
    #expect(!program.exists("out") && !program.exists("b.ckpt"))
    // Whoever names it knows what they do.
    #expect(try program.run("restore", "a.ckpt", "-o", "one", environment: ["CAIRN_REPO": "."]).status == 0)
    #expect(try program.run("restore", "a.ckpt", "-o", "two", "--repo", ".").status == 0)
  }
}

extension PointerTests {
  @Test func pruningTakesPointersAlongIfTold() throws {
    let program = try Program()
    try program.seed()
    for step in 1...3 { try program.savePointer("runs/last.ckpt.\(step)", value: Int64(step)) }
    let rules = ["--keep-last", "1", "--group-by", "all"]
    let held = try program.run("prune", rules, "--json").json()
    #expect((held["removed"] as? [Any])?.count == 0)
    let dry = try program.run("prune", rules, "--pointers", "--dry-run", "--json").json()
    #expect((dry["unlinked"] as? [String])?.count == 2)
    #expect(program.exists("runs/last.ckpt.1"))
    let done = try program.run("prune", rules, "--pointers", "--json").json()
    #expect(done["unlinked"] as? [String] == dry["unlinked"] as? [String])
    #expect(done["freed_bytes"] as? Int == dry["freed_bytes"] as? Int)
    #expect(!program.exists("runs/last.ckpt.1") && program.exists("runs/last.ckpt.3"))
    #expect(try program.run("tag", "best", "runs/last.ckpt.3").output == "best points to runs/last.ckpt.3@1\n")
  }

  @Test func aPointerHoldsAVersionThatIsRenamed() throws {
    let program = try program()
    let pointer = try program.savePointer("a/last.ckpt")
    _ = try program.run("cp", "a/last.ckpt", "a/second.ckpt")
    try FileManager.default.createDirectory(atPath: program.path + "/b", withIntermediateDirectories: true)
    #expect(try program.run("mv", pointer.name.replacingOccurrences(of: "@1", with: ""), "b/best").status == 0)
    let collected = try program.run("gc", "--pointers", "b", "--remove", "--json")
    #expect(collected.status == 0)
    #expect(try collected.json()["removed"] as? [String] == [])
    #expect(try program.run("show", "a/last.ckpt").status == 0)
    #expect(unlink(program.path + "/a/last.ckpt") == 0)
    let unheld = try program.run("gc", "--pointers", "a", "--json").json()["checkpoints"] as? [[String: Any]]
    #expect(unheld?.map { $0["path"] as? String } == ["b/best"])
  }
}
