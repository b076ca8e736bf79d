import Foundation
import Testing

@testable import CairnCore

@Suite struct LookupTests {
  private func tensor(
    _ name: String, _ storage: Int, dtype: String = "uint8", shape: [Int], strides: [Int]? = nil, offset: Int = 0
  ) -> TensorEntry {
    var dense: [Int] = []
    for length in shape.reversed().dropLast() { dense.append((dense.last ?? 1) * length) }
    let all = shape.isEmpty ? [] : Array(([1] + dense).reversed())
    return TensorEntry(
      name: name, dtype: dtype, shape: shape, strides: strides ?? all, byteOffset: offset, storage: storage)
  }

  private func save(
    _ repository: Repository, _ path: String, _ tensors: [TensorEntry], _ storages: [[UInt8]]
  ) throws -> SaveReport {
    try repository.save(
      CheckpointContent(
        content: .state(skeleton: .inline([1])), tensors: tensors, metadata: [:],
        sources: storages.map { BytesSource($0, name: "memory") }), SaveRequest(path: path))
  }

  @Test func theSameBytesCountUnderWhateverNameAndShape() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let one = bytes(24, seed: 1)
    _ = try save(repository, "a", [tensor("x", 0, shape: [24])], [one])
    _ = try save(repository, "b", [tensor("y", 0, shape: [4, 6])], [one])
    _ = try save(repository, "c", [tensor("x", 0, shape: [6, 4], strides: [1, 6])], [one])
    // Other bytes of the same storage, and views that leave some out or take them as another type.
    _ = try save(repository, "d", [tensor("x", 0, shape: [12], offset: 12)], [one])
    _ = try save(repository, "e", [tensor("x", 0, shape: [12])], [one])
    _ = try save(repository, "f", [tensor("x", 0, dtype: "int8", shape: [24])], [one])
    // Two checkpoints of one manifest, and one that has the bytes twice.
    _ = try repository.copy(PathName(path: "a"), SaveRequest(path: "g"))
    _ = try save(repository, "h", [tensor("x", 0, shape: [24]), tensor("y", 0, shape: [24])], [one])
    func others(_ path: String) throws -> [Int] {
      try repository.tensors(of: PathName(path: path)).tensors.map(\.otherCheckpoints)
    }
    #expect(try others("a") == [4])
    #expect(try others("b") == [4])
    #expect(try others("c") == [4])
    #expect(try others("d") == [0])
    #expect(try others("e") == [0])
    #expect(try others("g") == [4])
    #expect(try others("h") == [4, 4])
    #expect(try repository.tensors(of: PathName(path: "h")).tensors.map(\.firstSeen.name) == ["a@1", "a@1"])
    _ = try repository.remove(PathName(path: "a"))
    // Its manifest is older, the checkpoint that has it now is not.
    #expect(try repository.tensors(of: PathName(path: "h")).tensors[0].firstSeen.name == "b@1")
    #expect(try others("h") == [3, 3])
    #expect(failure { try repository.tensors(of: PathName(path: "a")) } == .removed)
  }

  @Test func tensorsAreFoundByName() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for seed in 1...5 {
      _ = try save(
        repository, "run", [tensor("a.weight", 0, shape: [10]), tensor("a.bias", 1, shape: [4])],
        [bytes(10, seed: UInt64(seed)), bytes(4, seed: 9)])
    }
    let weights = try repository.occurrences(ofTensors: Glob("*.weight"), limit: 10)
    #expect(weights.tensors.map(\.last.name) == ["run@5", "run@4", "run@3", "run@2", "run@1"])
    #expect(!weights.isCutShort)
    let both = try repository.occurrences(ofTensors: Glob("a.*"), limit: 3)
    #expect(both.tensors.map(\.name) == ["a.bias", "a.weight", "a.weight"])
    #expect(both.tensors.map(\.checkpoints) == [5, 1, 1])
    #expect(both.tensors.first.map { [$0.first.name, $0.last.name] } == ["run@1", "run@5"])
    #expect(both.isCutShort)
    #expect(try repository.occurrences(ofTensors: Glob("a"), limit: 3).tensors.isEmpty)
    _ = try repository.remove(PathName(path: "run"))
    #expect(try repository.occurrences(ofTensors: Glob("*"), limit: 3).tensors.isEmpty)
  }

  @Test func digestsAreFoundByTheirBeginning() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let (large, small) = (bytes(150_000, seed: 1), bytes(100, seed: 2))
    let report = try save(
      repository, "a", [tensor("large", 0, shape: [150_000]), tensor("small", 1, shape: [100])], [large, small])
    _ = try save(repository, "b", [tensor("other", 0, shape: [100])], [small])
    let storage = try #require(
      try repository.occurrence(ofDigest: String(Digest(hashing: small).hex.prefix(6)).uppercased(), limit: 10))
    #expect(storage.kind == .storage)
    #expect(storage.size == 100)
    #expect(storage.checkpoints.map(\.name) == ["b@1", "a@1"])
    #expect(storage.tensors.tensors.map(\.name) == ["other", "small"])
    let chunk = try #require(
      try repository.occurrence(ofDigest: Digest(hashing: large[65_536..<131_072]).hex, limit: 10))
    #expect(chunk.kind == .chunk)
    #expect(chunk.checkpoints.map(\.name) == ["a@1"])
    #expect(chunk.tensors.tensors.map(\.name) == ["large"])
    let manifest = try #require(try repository.occurrence(ofDigest: report.manifest.hex, limit: 10))
    #expect(manifest.kind == .manifest)
    #expect(manifest.checkpoints.map(\.name) == ["a@1"])
    let packed = try #require(storage.pack)
    let pack = try #require(try repository.occurrence(ofDigest: packed.hex, limit: 1))
    #expect(pack.kind == .pack)
    #expect(pack.checkpointCount == 2)
    #expect(pack.checkpoints.map(\.name) == ["b@1"])
    #expect(try repository.occurrence(ofDigest: "000000", limit: 1) == nil)
    for wrong in ["12345", "zzzzzz", String(repeating: "0", count: 65), ""] {
      #expect(failure { try repository.occurrence(ofDigest: wrong, limit: 1) } == .invalid, "\(wrong)")
    }
  }

  @Test func twoDigestsThatBeginAlikeAreBothNamed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([bytes(10, seed: 1)], "a")
    let digest = Digest(hashing: bytes(10, seed: 1)).hex
    let alike = String(digest.prefix(8)) + String(digest.dropFirst(8).reversed())
    try repository.locked { locked in
      try locked.write { db in
        try db.execute(
          sql: "INSERT INTO blob (digest, size, stored, crc32, place) VALUES (?, 1, 1, 0, 0)",
          arguments: [Digest(hex: alike)?.data])
      }
    }
    #expect(
      message { try repository.occurrence(ofDigest: String(digest.prefix(7)), limit: 1) }.contains(alike.prefix(13)))
    #expect(try repository.occurrence(ofDigest: String(digest.prefix(20)), limit: 1)?.checkpointCount == 1)
    #expect(try repository.occurrence(ofDigest: alike, limit: 1)?.kind == .unreferenced)
  }

  @Test func blameTellsWhatHappenedToATensor() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let (one, two) = (bytes(24, seed: 1), bytes(24, seed: 2))
    let other = tensor("other", 0, shape: [24])
    for (tensors, storages) in [
      ([other], [one]), ([other, tensor("x", 1, shape: [24])], [one, two]),
      ([other, tensor("x", 1, shape: [24])], [two, two]), ([tensor("x", 0, shape: [24])], [one]),
      ([tensor("x", 0, shape: [4, 6])], [one]), ([tensor("x", 0, dtype: "int8", shape: [24])], [two]),
      ([other], [one]), ([other, tensor("x", 0, shape: [24])], [one]),
    ] { _ = try save(repository, "p", tensors, storages) }
    _ = try save(repository, "q", [tensor("x", 0, shape: [24])], [one])
    let changes = try repository.changes(ofTensor: "x", in: PathName(path: "p"))
    #expect(changes.map(\.checkpoint.version) == [8, 7, 6, 5, 4, 2])
    #expect(changes.map(\.kind) == [.added, .removed, .changed, .changed, .changed, .added])
    #expect(changes.map(\.versions) == [1, 1, 1, 1, 1, 2])
    #expect(changes.map(\.hasOtherBytes) == [true, true, true, false, true, true])
    #expect(changes[2].previousDType == "uint8" && changes[2].previousShape == [4, 6])
    #expect(changes[3].previousDType == nil && changes[3].previousShape == [24] && changes[3].shape == [4, 6])
    #expect(changes[4].digest == Digest(hashing: one))
    #expect(changes[1].digest == nil)
    let earlier = try repository.changes(ofTensor: "x", in: PathName(path: "p", version: 4))
    #expect(earlier.map(\.checkpoint.version) == [4, 2])
    // Compared with what is left.
    _ = try repository.remove(PathName(path: "p", version: 7))
    _ = try repository.remove(PathName(path: "p", version: 6))
    let rest = try repository.changes(ofTensor: "x", in: PathName(path: "p"))
    #expect(rest.map(\.checkpoint.version) == [8, 5, 4, 2])
    #expect(rest[0].hasOtherBytes == false && rest[0].previousShape == [4, 6])
    #expect(try repository.changes(ofTensor: "*", in: PathName(path: "p")).isEmpty)
  }

  @Test func aContentIsFoundWithoutBeingSaved() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let (large, small) = (bytes(150_000, seed: 1), bytes(100, seed: 2))
    try repository.save([large, small], "a")
    try repository.save([large, bytes(100, seed: 3)], "b")
    try repository.save([bytes(50, seed: 3)], "c")
    let before = scratch.blobFiles()
    let found = try repository.occurrences(of: content([large, small, [], bytes(9, seed: 9)]), limit: 10)
    #expect(found.exact.isEmpty)
    #expect(found.shares.map(\.checkpoint.name) == ["a@1", "b@1"])
    #expect(found.shares.map(\.bytes) == [150_100, 150_000])
    #expect(found.shares.map(\.tensors) == [2, 1])
    #expect(found.tensors.map(\.checkpoints) == [2, 1, 0, 0])
    #expect((found.storageCount, found.storageBytes) == (3, 150_109))
    #expect(try repository.occurrences(of: content([[7]]), limit: 10).checkpointCount == 0)
    #expect(scratch.blobFiles() == before)
  }

  @Test func globsAreThoseOfAShell() {
    for (pattern, names) in [
      "*": ["", "a", "a.b"], "a*c": ["ac", "abc", "a.b.c", "acc"], "?": ["a", "é"], "[ab]x": ["ax", "bx"],
      "[!ab]x": ["cx", "]x"], "[^a]": ["b"], "[a-c]": ["b"], "[]a]": ["]", "a"], "[a": ["[a"], "\\*": ["*"],
      "a\\": ["a\\"], "*.*.weight": ["a.b.weight", "..weight"], "": [""],
    ] { for name in names { #expect(Glob(pattern).matches(name), "\(pattern) \(name)") } }
    for (pattern, names) in [
      "a*c": ["ab", "bac", "a", "c"], "?": ["", "ab"], "[ab]x": ["x", "cx"], "[!ab]x": ["ax"], "[a-c]": ["d", "-"],
      "\\*": ["a"], "a": ["A", "aa"], "[c-a]": ["b"],
    ] { for name in names { #expect(!Glob(pattern).matches(name), "\(pattern) \(name)") } }
    // One that a matcher which tries all ways would not come back from.
    let long = String(repeating: "a", count: 2_000)
    #expect(!Glob(String(repeating: "*a", count: 200) + "b").matches(long))
    #expect(Glob("plain.name").literal == "plain.name")
    #expect(Glob("a\\*").literal == "a*")
    #expect(Glob("a?").literal == nil)
    #expect(Glob(literal: "[a]*").matches("[a]*"))
  }
}
