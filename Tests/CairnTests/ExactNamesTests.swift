import Cairn
import Foundation
import Testing

/// Strings that look the same and are not: "é" in one code point and in two. Python, and Linux, tell them apart.
@Suite struct ExactNamesTests {
  private static let composed = "\u{E9}"
  private static let decomposed = "e\u{301}"

  @Test func aDictionaryKeepsBothKeys() throws {
    var state: Checkpoint = [:]
    for (index, key) in [Self.composed, Self.decomposed].enumerated() { state[key] = .int(Int64(index)) }
    #expect(state.dictionary?.count == 2)
    #expect(state[Self.composed] == 0)
    #expect(state[Self.decomposed] == 1)
    #expect(Checkpoint.string(Self.composed) != .string(Self.decomposed))
    let first = Checkpoint.tuple([.string(Self.composed), 1])
    let second = Checkpoint.tuple([.string(Self.decomposed), 1])
    state[first] = "first"
    state[second] = "second"
    #expect(state[first] == "first")
    // And they survive a save.
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(state, SaveRequest(path: "m"))
    let loaded = try repository.load(PathName(path: "m"))
    #expect(loaded == state)
    #expect(loaded.dictionary?.count == 4)
  }

  @Test func equalValuesHaveEqualHashes() {
    let values: [Checkpoint] = [
      nil, true, 1, .bigInt(BigInteger(twosComplement: [1])), 1.0, .complex(real: 1, imaginary: 2), "a",
      .bytes([1]), .byteArray([1]), [1], .tuple([1]), .set([1]), .frozenSet([1]), ["a": 1],
    ]
    #expect(Set(values).count == values.count)
    #expect(Set(values + values).count == values.count)
    #expect(values == values)
  }

  @Test func aDirectoryWithFilesOfBothNamesIsSavedAndRestored() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let file = Fixtures.directory + "/safetensors/weights.safetensors"
    let folder = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in [Self.composed, Self.decomposed] {
      let made = open("\(folder)/\(name).safetensors", O_WRONLY | O_CREAT | O_EXCL, 0o600)
      #expect(made >= 0)
      let bytes = try contents(file)
      #expect(bytes.withUnsafeBytes { write(made, $0.baseAddress, $0.count) } == bytes.count)
      close(made)
    }
    _ = try repository.save(file: folder, SaveRequest(path: "m"))
    _ = try repository.restore(PathName(path: "m"), to: scratch.path + "/out")
    for name in [Self.composed, Self.decomposed] {
      #expect(try contents("\(scratch.path)/out/\(name).safetensors") == contents(file))
    }
  }
}
