import Cairn
import Foundation
import Testing

@Suite struct WatchTests {
  private func program() throws -> Program {
    let program = try Program()
    try program.seed()
    try FileManager.default.createDirectory(atPath: program.path + "/runs", withIntermediateDirectories: false)
    return program
  }

  private func names(_ program: Program) throws -> [String] {
    let all = try program.run("log", "--json").json()["checkpoints"] as? [[String: Any]] ?? []
    return all.compactMap { $0["name"] as? String }.sorted()
  }

  // MARK: - Once

  @Test func onceSavesWhatIsComplete() throws {
    let program = try program()
    try program.add("finetune/last.ckpt", as: "runs/a/last.ckpt")
    try program.add("safetensors/weights.safetensors", as: "runs/weights.safetensors")
    for name in ["note.txt", ".hidden.ckpt", "x.ckpt.tmp", "y.tmp.ckpt", "z.part.ckpt", ".cache/q.ckpt"] {
      try program.write([1, 2, 3], to: "runs/" + name)
    }
    try FileManager.default.createSymbolicLink(
      atPath: program.path + "/runs/link.ckpt", withDestinationPath: "a/last.ckpt")
    let first = try program.run("watch", "runs", "--once", "--settle", "0.1", "--run", "r1", "--meta", "note=hello")
    #expect(first.status == 0)
    #expect(first.error == "")
    #expect(first.output.contains("saved runs/a/last.ckpt@1: "))
    #expect(first.lines.last == "stopped: saved 2 files")
    #expect(try names(program) == ["runs/a/last.ckpt@1", "runs/weights.safetensors@1"])
    let shown = try program.run("show", "runs/a/last.ckpt", "--json").json()
    #expect(shown["run"] as? String == "r1")
    #expect(shown["step"] as? Int == 40)
    #expect((shown["metadata"] as? [String: Any])?["note"] as? String == "hello")
    // What is there already is not saved again, touched or not.
    let later = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -1_000)]
    try FileManager.default.setAttributes(later, ofItemAtPath: program.path + "/runs/weights.safetensors")
    let second = try program.run("watch", "runs", "--once", "--settle", "0.1", "--verbose")
    #expect(second.output.contains("runs/weights.safetensors is runs/weights.safetensors@1 already"))
    #expect(second.output.contains("ignoring runs/link.ckpt: a symbolic link"))
    #expect(second.output.contains("ignoring runs/y.tmp.ckpt: a name that temporary files have"))
    #expect(second.lines.last == "stopped: saved 0 files")
    // Another content is another version.
    try FileManager.default.removeItem(atPath: program.path + "/runs/a/last.ckpt")
    try program.add(Fixtures.finetune[0], as: "runs/a/last.ckpt")
    _ = try program.run("watch", "runs/", "--once", "--settle", "0", "--keep-versions", "1")
    #expect(try names(program) == ["runs/a/last.ckpt@2", "runs/weights.safetensors@1"])
  }

  @Test func patternsChoose() throws {
    let program = try program()
    for name in ["a.bin", "b.bin", "sub/c.bin", "d.ckpt"] { try program.write(Array(name.utf8), to: "runs/" + name) }
    let result = try program.run(
      "watch", "runs", "--once", "--settle", "0", "--include", "*.bin", "--exclude", "b*", "--exclude", "sub/*")
    #expect(result.status == 0)
    #expect(try names(program) == ["runs/a.bin@1"])
  }

  @Test func halfAFileIsNotSaved() throws {
    let program = try program()
    try program.add("finetune/last.ckpt", as: "whole.ckpt")
    try program.write(Array(program.contents("whole.ckpt").prefix(3_000)), to: "runs/half.ckpt")
    let result = try program.run("watch", "runs", "--once", "--settle", "0", "--json")
    #expect(result.status == 1)
    let events = try result.events()
    #expect(events.map { $0["event"] as? String } == ["failed", "stopped"])
    #expect(events[0]["file"] as? String == "runs/half.ckpt")
    #expect(events[0]["error"] as? String == "damaged")
    #expect(events[1]["failed"] as? Int == 1)
    #expect(try names(program) == [])
  }

  @Test func aFileThatSomebodyIsWritingIsLeft() throws {
    let program = try program()
    let writer = try WritingProgram(program.path + "/runs/slow.ckpt")
    defer { writer.end() }
    let result = try program.run("watch", "runs", "--once", "--settle", "0.05")
    #expect(result.status == 0)
    #expect(result.output.contains("waiting for runs/slow.ckpt: is being written"))
    #expect(try names(program) == [])
  }

  @Test func wrongUsageIsRefused() throws {
    let program = try program()
    #expect(try program.run("watch", "nowhere", "--once").status == 3)
    #expect(try program.run("watch", ".cairn/blobs", "--once").status == 64)
    #expect(try program.run("watch", "runs", "--once", "--new-only").status == 64)
    #expect(try program.run("watch", "runs", "--once", "--replace", "--opaque").status == 64)
    #expect(try program.run("watch", "runs", "--poll", "0").status == 64)
    #expect(try program.run("watch", "runs", "--settle", "-1").status == 64)
    #expect(try program.run("watch", "runs", "--keep-versions", "0").status == 64)
  }

  // MARK: - Pointers

  @Test func filesAreReplacedByPointersThatCanBeFollowed() throws {
    let program = try program()
    try program.add("finetune/last.ckpt", as: "runs/last.ckpt")
    try program.add("safetensors/weights.safetensors", as: "runs/weights.safetensors")
    let original = try program.contents("runs/last.ckpt")
    let result = try program.run("watch", "runs", "--once", "--settle", "0", "--replace")
    #expect(result.status == 0)
    #expect(result.output.contains("runs/last.ckpt points to runs/last.ckpt@1 now"))
    #expect(result.output.contains("runs/weights.safetensors stays: only a PyTorch file"))
    let pointer = try #require(try Pointer.read(program.path + "/runs/last.ckpt"))
    #expect(pointer.name == "runs/last.ckpt@1")
    #expect(pointer.relative == "../.cairn")
    #expect(pointer.locations == ["cpu"])
    #expect(try program.contents("runs/weights.safetensors").count > 900)
    #expect(try FileManager.default.contentsOfDirectory(atPath: program.path + "/runs").count == 2)
    #expect(try program.run("restore", "runs/last.ckpt", "-o", "back.ckpt").status == 0)
    #expect(try program.contents("back.ckpt") == original)
    // A pointer is no checkpoint to be saved; a file that the trainer puts there is.
    let second = try program.run("watch", "runs", "--once", "--settle", "0", "--replace")
    #expect(second.lines.last == "stopped: saved 0 files")
    try FileManager.default.removeItem(atPath: program.path + "/runs/last.ckpt")
    try program.add(Fixtures.finetune[0], as: "runs/last.ckpt")
    #expect(try program.run("watch", "runs", "--once", "--settle", "0", "--replace").status == 0)
    let next = try #require(try Pointer.read(program.path + "/runs/last.ckpt"))
    #expect(next.name == "runs/last.ckpt@2")
    // It holds both versions, so nothing is called unheld, and removing it frees both.
    #expect(next.earlier == [pointer.checkpoint])
    #expect(try program.run("gc", "--pointers", "runs", "--json").json()["unheld"] as? [String] ?? [] == [])
    #expect(try program.run("rm", "runs/last.ckpt").status == 0)
    #expect(try names(program) == ["runs/weights.safetensors@1"])
  }

  @Test func aFileWithAnotherNameIsNotReplaced() throws {
    let program = try program()
    try program.add("finetune/last.ckpt", as: "runs/last.ckpt")
    try FileManager.default.linkItem(atPath: program.path + "/runs/last.ckpt", toPath: program.path + "/elsewhere")
    let result = try program.run("watch", "runs", "--once", "--settle", "0", "--replace")
    #expect(result.output.contains("runs/last.ckpt stays: it has changed since it was saved, or has another hard link"))
    #expect(try Pointer.read(program.path + "/runs/last.ckpt") == nil)
    #expect(try names(program) == ["runs/last.ckpt@1"])
  }

  // MARK: - Going on

  @Test(arguments: [[], ["--poll", "0.1"]]) func whatComesIsSaved(options: [String]) throws {
    let program = try program()
    try program.add("finetune/last.ckpt", as: "runs/before.ckpt")
    let watch = try WatchingProgram(program, ["runs", "--settle", "0.2", "--new-only"] + options)
    try watch.wait("watching") { $0["mode"] as? String == (options.isEmpty ? "inotify" : "polling") }
    // Renamed into place, as a careful trainer does.
    try program.add(Fixtures.finetune[0], as: "runs/.writing")
    try FileManager.default.moveItem(
      atPath: program.path + "/runs/.writing", toPath: program.path + "/runs/renamed.ckpt")
    try watch.wait("saved") { $0["name"] as? String == "runs/renamed.ckpt@1" }
    // In a directory that is new, below another.
    try program.add(Fixtures.finetune[1], as: "runs/x/y/new.ckpt")
    try watch.wait("saved") { $0["name"] as? String == "runs/x/y/new.ckpt@1" }
    // In a directory that came from elsewhere, and has another name now.
    try program.add(Fixtures.finetune[2], as: "outside/in.ckpt")
    try FileManager.default.moveItem(atPath: program.path + "/outside", toPath: program.path + "/runs/moved")
    try watch.wait("saved") { $0["name"] as? String == "runs/moved/in.ckpt@1" }
    try FileManager.default.moveItem(atPath: program.path + "/runs/moved", toPath: program.path + "/runs/again")
    try program.add(Fixtures.finetune[3], as: "runs/again/later.ckpt")
    try watch.wait("saved") { $0["name"] as? String == "runs/again/later.ckpt@1" }
    // A hard link, as `cairn restore` makes a file appear.
    try FileManager.default.linkItem(
      atPath: program.path + "/runs/renamed.ckpt", toPath: program.path + "/runs/linked.ckpt")
    try watch.wait("saved") { $0["name"] as? String == "runs/linked.ckpt@1" }
    #expect(try watch.end(SIGTERM) == 0)
    #expect(try !names(program).contains("runs/before.ckpt@1"))
  }

  @Test func aSlowWriterIsWaitedFor() throws {
    let program = try program()
    let watch = try WatchingProgram(program, ["runs", "--settle", "0.1"])
    try watch.wait("watching")
    try program.add("finetune/last.ckpt", as: "whole.ckpt")
    let bytes = try program.contents("whole.ckpt")
    // Closed after each half: complete by all that the kernel knows, and cut short by what is in it.
    try program.write(Array(bytes.prefix(10_000)), to: "runs/slow.ckpt")
    try watch.wait("waiting") { $0["file"] as? String == "runs/slow.ckpt" }
    let file = try #require(FileHandle(forWritingAtPath: program.path + "/runs/slow.ckpt"))
    try file.seekToEnd()
    try file.write(contentsOf: Data(bytes.dropFirst(10_000)))
    try file.close()
    try watch.wait("saved") { $0["size"] as? Int == bytes.count }
    #expect(try watch.end(SIGINT) == 0)
    #expect(try names(program) == ["runs/slow.ckpt@1"])
  }

  @Test func aFileThatGoesIsNoError() throws {
    let program = try program()
    let watch = try WatchingProgram(program, ["runs", "--settle", "3"])
    try watch.wait("watching")
    try program.add(Fixtures.finetune[0], as: "runs/brief.ckpt")
    // What the trainer's save_top_k does.
    try FileManager.default.removeItem(atPath: program.path + "/runs/brief.ckpt")
    try program.add(Fixtures.finetune[1], as: "runs/lasting.ckpt")
    try watch.wait("saved") { $0["name"] as? String == "runs/lasting.ckpt@1" }
    try FileManager.default.removeItem(atPath: program.path + "/runs/lasting.ckpt")
    #expect(try watch.end(SIGTERM) == 0)
    #expect(try names(program) == ["runs/lasting.ckpt@1"])
    #expect(watch.error == "")
  }

  @Test func aDirectoryThatGoesEndsIt() throws {
    let program = try program()
    let watch = try WatchingProgram(program, ["runs"])
    try watch.wait("watching")
    try FileManager.default.removeItem(atPath: program.path + "/runs")
    #expect(try watch.end(nil) == 3)
    #expect(watch.error.contains("runs: no such directory"))
  }
}
