import Cairn
import Foundation
import Testing

@Suite struct PointerTests {
  @Test func whatWasWrittenIsRead() throws {
    let scratch = try Scratch()
    let file = scratch.path + "/last.ckpt"
    var random = SeededGenerator(seed: 7)
    let texts = ["", "cpu", "cuda:0", "äöü/☃ 日本", "a\"b\\c\nd", String(repeating: "x", count: 3_000)]
    func hex(_ count: Int) -> String {
      (0..<count).map { _ in String(Int.random(in: 0..<16, using: &random), radix: 16) }.joined()
    }
    for _ in 0..<100 {
      let manifest = hex(64)
      let pointer = Pointer(
        repository: hex(32), place: "/" + (texts.randomElement(using: &random) ?? ""),
        relative: texts.randomElement(using: &random) ?? "", checkpoint: hex(32),
        manifest: try #require(Digest(hex: manifest)), name: texts.randomElement(using: &random) ?? "",
        run: texts.randomElement(using: &random),
        earlier: (0..<Int.random(in: 0..<4, using: &random)).map { _ in hex(32) },
        locations: Array(texts.shuffled(using: &random).prefix(3)))
      try pointer.write(to: file, overwrite: true)
      #expect(try Pointer.read(file) == pointer)
      #expect(try Pointer.readHeld(file)?.held == [pointer.checkpoint] + pointer.earlier)
    }
  }

  @Test func writingIsAtomicAndReplacesLinksNotTheirTargets() throws {
    let scratch = try Scratch()
    try scratch.make("d")
    let target = scratch.path + "/d/target"
    let link = scratch.path + "/d/link"
    try writeFile([1, 2, 3], target)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    let pointer = Self.pointer()
    #expect { try pointer.write(to: link, overwrite: false) } throws: { ($0 as? CairnError)?.kind == .alreadyExists }
    try pointer.write(to: link, overwrite: true)
    #expect(try contents(target) == Data([1, 2, 3]))
    #expect(try Pointer.read(link) == pointer)
    #expect(try Set(FileManager.default.contentsOfDirectory(atPath: scratch.path + "/d")) == ["link", "target"])
    let before = umask(0o027)
    defer { umask(before) }
    try pointer.write(to: target, overwrite: true)
    var info = stat()
    #expect(stat(target, &info) == 0 && info.st_mode & 0o777 == 0o640)
  }

  @Test func otherFilesAreNoPointers() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/file"
    #expect(try Pointer.read(path) == nil)
    #expect(try Pointer.read(scratch.path) == nil)
    #expect(mkfifo(path, 0o600) == 0)
    #expect(try Pointer.read(path) == nil)
    #expect(try Pointer.readHeld(path) == nil)
    unlink(path)
    for bytes in [[], [0x50, 0x4B, 3, 4], [UInt8](repeating: 0x50, count: 5_000)] as [[UInt8]] {
      try writeFile(bytes, path)
      #expect(try Pointer.read(path) == nil)
    }
    // A real checkpoint.
    let fixtures = Fixtures.files("pytorch-2.x")
    #expect(!fixtures.isEmpty)
    for file in fixtures {
      #expect(try Pointer.read(file) == nil)
      #expect(try Pointer.readHeld(file) == nil)
    }
    // More bytes than any pointer has, and truncated at every place.
    let bytes = try Self.pointer().container()
    try writeFile(bytes + [UInt8](repeating: 0, count: Pointer.sizeLimit), path)
    #expect(try Pointer.read(path) == nil)
    for count in stride(from: 0, to: bytes.count, by: 37) {
      try writeFile(Array(bytes.prefix(count)), path)
      #expect((try? Pointer.read(path)) == nil)
    }
  }

  @Test func brokenOnesAreSaidToBe() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/file"
    let good: [String: PickleNode] = [
      "format": .int(1), "repository": .string(String(repeating: "a", count: 32)), "place": .string("/r"),
      "relative": .string(""), "checkpoint": .string(String(repeating: "b", count: 32)),
      "manifest": .string(String(repeating: "c", count: 64)), "name": .string("n@1"), "unknown": .int(3),
    ]
    func kind(_ changes: [String: PickleNode], extra: PickleGlobal? = nil) throws -> CairnError.Kind? {
      try writeFile(container(try Self.pickle(good.merging(changes) { $1 }, extra: extra)), path)
      do {
        return try Pointer.read(path) == nil ? .missing : nil
      } catch let error as CairnError {
        #expect(error.message.hasPrefix(path))
        return error.kind
      }
    }
    #expect(try kind([:]) == nil)
    #expect(try kind(["format": .int(2)]) == .newerFormat)
    #expect(try kind(["format": .string("1")]) == .invalid)
    #expect(try kind(["repository": .string("../../etc")]) == .invalid)
    #expect(try kind(["checkpoint": .string(String(repeating: "B", count: 32))]) == .invalid)
    #expect(try kind(["checkpoint": .none]) == .invalid)
    #expect(try kind(["manifest": .string(String(repeating: "C", count: 64))]) == .invalid)
    #expect(try kind(["manifest": .string(String(repeating: "c", count: 63))]) == .invalid)
    #expect(try kind(["place": .string("/a\u{0}b")]) == .invalid)
    #expect(try kind(["name": .string(String(repeating: "x", count: 8_193))]) == .invalid)
    #expect(try kind([:], extra: PickleGlobal("os", "system")) == .invalid)
  }

  /// A pickle that calls the pointers' global; `extra` is named as one more value.
  private static func pickle(_ fields: [String: PickleNode], extra: PickleGlobal?) throws -> [UInt8] {
    var nodes: [PickleNode] = []
    func add(_ node: PickleNode) -> PickleGraph.ID {
      nodes.append(node)
      return nodes.count - 1
    }
    var pairs = fields.sorted { $0.key < $1.key }.map { PicklePair(add(.string($0.key)), add($0.value)) }
    if let extra { pairs.append(PicklePair(add(.string("extra")), add(.global(extra)))) }
    let arguments = add(.tuple([add(.dict(pairs))]))
    let function = add(.global(PickleGlobal("cairn_ckpt", "pip_install_cairn_ckpt")))
    let root = add(.object(PickleObject(.reduce, function, arguments)))
    return try PickleWriter.write(PickleGraph(nodes: nodes, root: root))
  }

  private static func pointer() -> Pointer {
    Pointer(
      repository: String(repeating: "a", count: 32), place: "/r/.cairn", relative: "../.cairn",
      checkpoint: String(repeating: "b", count: 32), manifest: Digest(hashing: [1]), name: "last.ckpt@3", run: "r1",
      earlier: [String(repeating: "d", count: 32)], locations: ["cpu", "cuda:1"])
  }

  // MARK: Others

  @Test(.enabled(if: Python.newest != nil))
  func torchCallsTheGlobalWithProbesThatMapLocationHasMoved() throws {
    let scratch = try Scratch()
    let file = scratch.path + "/last.ckpt"
    try Self.pointer().write(to: file, overwrite: false)
    let python = try #require(Python.newest)
    let jobs = [["torch", file, "cpu", "true"], ["torch", file, "meta", "false"]]
    for (job, outcome) in zip(jobs, try python.run("pointer_files", jobs, in: scratch)) {
      #expect(outcome.code == 0, "\(outcome.output)")
      let fields = try #require(
        JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
      #expect(fields["checkpoint"] as? String == Self.pointer().checkpoint)
      #expect(fields["probes"] as? [String: String] == ["cpu": job[2], "cuda:1": job[2]])
    }
  }

  private static let package = Fixtures.directory + "/../../Sources/Python/cairn_ckpt/_pointer.py"

  @Test(.enabled(if: Python.newest != nil && FileManager.default.fileExists(atPath: package)))
  func thePackageAndThisReadEachOthers() throws {
    let scratch = try Scratch()
    let file = scratch.path + "/last.ckpt"
    let other = scratch.path + "/other.ckpt"
    try Self.pointer().write(to: file, overwrite: false)
    let python = try #require(Python.newest)
    let read = try python.run("pointer_files", [["read", file]], in: scratch)[0]
    let names = ["exp@2", "exp%402", "exp%25402", "exp%40", "exp2", "a%402b", "%40402", "é@12", "%2541", "@1", "7"]
    let outcomes = try python.run(
      "pointer_files", [["write", other, read.output, "cpu", "cuda:1"], ["escape"] + names], in: scratch)
    #expect(outcomes.allSatisfy { $0.code == 0 }, "\(read.output) \(outcomes)")
    #expect(try Pointer.read(other) == Self.pointer())
    let repository = try scratch.repository()
    let escaped = try JSONDecoder().decode([String].self, from: Data(outcomes[1].output.utf8))
    #expect(names.map { repository.name(forPointer: scratch.path + "/" + $0) } == escaped)
  }
}
