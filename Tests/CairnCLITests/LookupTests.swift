import Cairn
import Foundation
import Testing

/// `cairn ls`, `cairn find` and `cairn blame`.
@Suite struct LookupTests {
  /// Three versions, of which all share a backbone; see ``Program/seed(_:head:)``.
  private func seeded(head: String = "head.weight") throws -> Program {
    let program = try Program()
    try program.seed(
      [
        request("last.ckpt", run: "one", step: 10), request("last.ckpt", run: "one", step: 20, tags: ["best"]),
        request("a/rather/long/directory/name/that/takes/room/other.ckpt", run: "two", step: 5),
      ], head: head)
    return program
  }

  private func cells(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

  @Test func lsTellsWhereElseTheBytesAre() throws {
    let program = try seeded()
    let wide = try program.run("ls", "last.ckpt", environment: ["COLUMNS": "200"])
    #expect(wide.status == 0)
    #expect(wide.error == "")
    #expect(cells(wide.lines[0]) == ["tensor", "dtype", "shape", "size", "others", "first", "seen"])
    #expect(cells(wide.lines[1]) == ["backbone.weight", "uint8", "1000×100", "97.7", "KiB", "2", "last.ckpt@1"])
    #expect(cells(wide.lines[2]) == ["head.weight", "float32", "50×50", "9.8", "KiB", "0", "last.ckpt@2"])
    #expect(wide.lines.count == 3)
    #expect(try program.run("ls", "last.ckpt@1", "head.*", "--bytes").lines[1].contains(" 10000 "))
    #expect(try program.run("ls", "best", "head.*").lines.count == 2)
    let nothing = try program.run("ls", "best", "nothing*")
    #expect(nothing.status == 0 && nothing.output == "")
    #expect(try program.run("ls", "nothing").status == 3)

    let json = try program.run("ls", "a/rather/long/directory/name/that/takes/room/other.ckpt", "--json").json()
    #expect(json["name"] as? String == "a/rather/long/directory/name/that/takes/room/other.ckpt@1")
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(tensors.map { $0["name"] as? String } == ["backbone.weight", "head.weight"])
    #expect(tensors.map { $0["other_checkpoints"] as? Int } == [2, 0])
    #expect(tensors[1]["bytes"] as? Int == 10_000)
    #expect(tensors[1]["byte_offset"] as? Int == 0)
    #expect(tensors[1]["strides"] as? [Int] == [50, 1])
    let first = try #require(tensors[0]["first_seen"] as? [String: Any])
    #expect(first["name"] as? String == "last.ckpt@1")
    #expect(first["run"] as? String == "one")
    #expect(first["step"] as? Int == 10)
    #expect((first["id"] as? String)?.count == 32)
  }

  @Test func narrowTerminalsAreNotOverrun() throws {
    let program = try seeded(head: "a.rather.long.name.of.a.tensor.that.takes.more.room.than.there.is.head.weight")
    let other = "a/rather/long/directory/name/that/takes/room/other.ckpt"
    for arguments in [
      ["ls", other], ["find", "*"], ["blame", other, "backbone.weight"], ["find", "*head*"],
    ] {
      let narrow = try program.run(arguments, environment: ["COLUMNS": "80"])
      #expect(narrow.status == 0)
      #expect(narrow.lines.count >= 2)
      for line in narrow.lines { #expect(line.count <= 80, "\(line)") }
    }
  }

  @Test func whatATerminalWouldObeyIsShown() throws {
    let program = try seeded(head: "h\u{1B}[2J\nead")
    for arguments in [["ls", "best"], ["find", "h*ead"]] {
      let shown = try program.run(arguments).output
      #expect(shown.contains("h\\u{1b}[2J\\u{a}ead"))
      #expect(!shown.contains("\u{1B}"))
    }
  }

  @Test func tensorsAreFoundOverAllRuns() throws {
    let program = try seeded()
    let found = try program.run("find", "*.weight")
    #expect(found.status == 0)
    #expect(cells(found.lines[0]) == ["tensor", "dtype", "shape", "size", "digest", "in", "first", "last"])
    #expect(found.lines.count == 5)
    let other = "a/rather/long/directory/name/that/takes/room/other.ckpt@1"
    #expect(cells(found.lines[1]).suffix(3) == ["3", "last.ckpt@1", other])
    #expect(cells(found.lines[2]).suffix(3) == ["1", other, other])
    let json = try program.run("find", "backbone.*", "--json").json()
    let tensors = try #require(json["tensors"] as? [[String: Any]])
    #expect(json["cut_short"] as? Bool == false)
    #expect(tensors.count == 1)
    #expect(tensors[0]["checkpoints"] as? Int == 3)
    // Two chunks: no digest of its own.
    #expect(tensors[0]["digest"] == nil)
    #expect((tensors[0]["last"] as? [String: Any])?["name"] as? String == other)
    let one = try program.run("find", "*", "--limit", "2")
    #expect(one.lines.count == 3)
    #expect(one.error.contains("there are more"))
    let nothing = try program.run("find", "head")
    #expect(nothing.status == 3)
    #expect(nothing.error.contains("'*head*'"))
  }

  @Test func digestsAreFound() throws {
    let program = try seeded()
    let tensors = try #require(try program.run("find", "head.*", "--json").json()["tensors"] as? [[String: Any]])
    let digest = try #require(tensors.last?["digest"] as? String)
    let found = try program.run("find", String(digest.prefix(8)))
    #expect(found.status == 0)
    #expect(found.lines[0] == digest)
    #expect(found.lines.contains { cells($0) == ["kind", "storage"] })
    #expect(found.lines.contains { cells($0) == ["checkpoints", "1"] })
    #expect(found.lines.contains { $0.hasPrefix("last.ckpt@1") })
    let json = try #require(try program.run("find", digest, "--json").json()["digest"] as? [String: Any])
    #expect(json["kind"] as? String == "storage")
    #expect(json["size"] as? Int == 10_000)
    #expect(json["checkpoint_count"] as? Int == 1)
    #expect((json["tensors"] as? [[String: Any]])?.map { $0["name"] as? String } == ["head.weight"])
    let shown = try program.run("show", "best", "--json").json()
    let name = try #require(shown["manifest"] as? String)
    let manifest = try program.run("find", name, "--json").json()
    let of = try #require(manifest["digest"] as? [String: Any])
    #expect(of["kind"] as? String == "manifest")
    #expect((of["checkpoints"] as? [[String: Any]])?.map { $0["name"] as? String } == ["last.ckpt@2"])
    #expect(try program.run("find", "--digest", "0000000").status == 3)
    #expect(try program.run("find", "--digest", "12345").status == 64)
    // Looks like one and is none: then it may be a name.
    #expect(try program.run("find", "0000000").error.contains("no tensor"))
  }

  @Test func aFileIsRecognized() throws {
    let program = try Program()
    try program.seed()
    for fixture in Fixtures.finetune.prefix(3) { try program.add(fixture) }
    let names = Fixtures.finetune.map { URL(fileURLWithPath: $0).lastPathComponent }
    #expect(try program.run("save", names[0], names[1]).status == 0)
    try program.write(try program.contents(names[0]), to: "downloaded.bin")
    let exact = try program.run("find", "downloaded.bin")
    #expect(exact.status == 0)
    #expect(exact.lines[0] == "downloaded.bin is \(names[0])@1")
    // The other one has its frozen backbone.
    #expect(exact.lines.contains { $0.hasPrefix("\(names[1])@1") && !$0.hasSuffix("100%") })
    let other = try #require(try program.run("find", names[2], "--json").json()["file"] as? [String: Any])
    #expect((other["exact"] as? [Any])?.isEmpty == true)
    #expect(other["checkpoint_count"] as? Int == 2)
    let shares = try #require(other["shares"] as? [[String: Any]])
    #expect(shares.count == 2)
    let bytes = try #require(shares[0]["bytes"] as? Int)
    #expect(bytes > 200_000)
    #expect(bytes < (other["storage_bytes"] as? Int ?? 0))
    let tensors = try #require(other["tensors"] as? [[String: Any]])
    #expect(
      tensors.contains { ($0["name"] as? String)?.contains("backbone") == true && $0["checkpoints"] as? Int == 2 })
    #expect(try program.run("find", names[2]).lines[0].contains("is no checkpoint in this repository"))

    // One that was saved without looking into it, a directory, and what is nowhere.
    #expect(try program.run("save", names[2], "--opaque").status == 0)
    #expect(try program.run("find", names[2]).lines[0] == "\(names[2]) is \(names[2])@1")
    try program.write([1, 2, 3], to: "folder/a.bin")
    try program.write(try program.contents(names[0]), to: "folder/b.ckpt")
    #expect(try program.run("save", "folder").status == 0)
    #expect(try program.run("find", "folder").lines[0] == "folder is folder@1")
    #expect(try program.run("find", "folder/b.ckpt").lines.prefix(2).contains("folder/b.ckpt is folder@1"))
    try program.write([9, 9, 9], to: "unknown.bin")
    #expect(try program.run("find", "unknown.bin").output.contains("none of its bytes"))
    #expect(try program.run("find", "--file", "missing.bin").status == 5)
  }

  @Test func blameListsTheVersionsThatChangedATensor() throws {
    let program = try seeded()
    let head = try program.run("blame", "last.ckpt", "head.weight")
    #expect(head.status == 0)
    #expect(head.lines.count == 3)
    #expect(head.lines[1].hasPrefix("last.ckpt@2") && head.lines[1].contains(" bytes "))
    #expect(head.lines[2].hasPrefix("last.ckpt@1") && head.lines[2].contains("added float32 50×50"))
    let json = try program.run("blame", "last.ckpt", "backbone.weight", "--json").json()
    #expect(json["path"] as? String == "last.ckpt")
    let changes = try #require(json["changes"] as? [[String: Any]])
    #expect(changes.map { $0["change"] as? String } == ["added"])
    #expect(changes[0]["versions"] as? Int == 2)
    #expect((changes[0]["checkpoint"] as? [String: Any])?["name"] as? String == "last.ckpt@1")
    // A tag is the version that it names.
    #expect(try program.run("blame", "best", "head.weight").lines.count == 3)
    let unknown = try program.run("blame", "last.ckpt", "nothing")
    #expect(unknown.status == 3)
    #expect(unknown.error.contains("cairn ls last.ckpt"))
    #expect(try program.run("blame", "nothing", "head.weight").status == 3)
  }
}
