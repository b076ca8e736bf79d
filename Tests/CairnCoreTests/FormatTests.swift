import Foundation
import Testing

@testable import CairnCore

/// What is kept in files, read back, and whatever else somebody may have put there.
@Suite struct FormatTests {
  private func randomText(_ random: inout SeededGenerator) -> String {
    let alphabet = Array("abc.0é\u{1F600}\n\"\\ /")
    return String(
      (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in alphabet.randomElement(using: &random) })
  }

  private func randomValue(_ random: inout SeededGenerator, depth: Int = 0) -> JSONValue {
    switch Int.random(in: 0...(depth > 2 ? 4 : 6), using: &random) {
    case 0: return nil
    case 1: return .bool(.random(using: &random))
    case 2: return .int(.random(in: .min ... .max, using: &random))
    case 3: return .double(Double.random(in: -1e9...1e9, using: &random) + 0.5)
    case 4: return .string(randomText(&random))
    case 5: return .array((0..<3).map { _ in randomValue(&random, depth: depth + 1) })
    default:
      return .object([randomText(&random): randomValue(&random, depth: depth + 1), "k": 1])
    }
  }

  private func randomManifest(_ random: inout SeededGenerator) -> Manifest {
    let packs = (0..<Int.random(in: 0...2, using: &random)).map { Digest(hashing: [UInt8($0)]) }
    let chunks = (0..<Int.random(in: 0...5, using: &random)).map { index in
      Manifest.Chunk(
        digest: Digest(hashing: [9, UInt8(index)]), length: .random(in: 0...Int(UInt32.max), using: &random),
        pack: packs.isEmpty || .random(using: &random) ? nil : .random(in: 0..<packs.count, using: &random))
    }
    let storages = (0..<Int.random(in: 0...4, using: &random)).map { _ in
      let members =
        chunks.isEmpty
        ? [] : (0..<Int.random(in: 0...3, using: &random)).map { _ in Int.random(in: 0..<chunks.count, using: &random) }
      return Manifest.Storage(
        chunks: members, size: members.reduce(0) { $0 + chunks[$1].length },
        crc32: .random(using: &random) ? nil : .random(in: .min ... .max, using: &random))
    }
    let tensors: [TensorEntry] =
      storages.isEmpty
      ? []
      : (0..<Int.random(in: 0...4, using: &random)).map { _ -> TensorEntry in
        let rank = Int.random(in: 0...3, using: &random)
        return TensorEntry(
          name: randomText(&random), dtype: "float32",
          shape: (0..<rank).map { _ in .random(in: 0 ... .max, using: &random) },
          strides: (0..<rank).map { _ in .random(in: .min ... .max, using: &random) },
          byteOffset: .random(in: 0 ... .max, using: &random), storage: .random(in: 0..<storages.count, using: &random))
      }
    func part() -> Manifest.Bytes {
      storages.isEmpty || .random(using: &random)
        ? .inline(bytes(Int.random(in: 0...20, using: &random), seed: 1))
        : .storage(.random(in: 0..<storages.count, using: &random))
    }
    let content: Manifest.Content =
      .random(using: &random)
      ? .state(skeleton: part())
      : .files(
        (0..<Int.random(in: 0...3, using: &random)).map { index in
          let segments = (0..<Int.random(in: 0...3, using: &random)).map { _ in part() }
          let size = segments.reduce(0) { sum, segment in
            switch segment {
            case .inline(let bytes): sum + bytes.count
            case .storage(let index): sum + storages[index].size
            }
          }
          return Manifest.File(
            path: index == 0 ? "" : "d/f\(index)", size: size, modified: .random(in: .min ... .max, using: &random),
            modifiedNanoseconds: .random(in: 0...999_999_999, using: &random), format: "opaque", segments: segments)
        })
    return Manifest(
      content: content, tensors: tensors, metadata: ["m": randomValue(&random)], storages: storages, chunks: chunks,
      packs: packs)
  }

  @Test func manifestsComeBackEqual() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<500 {
      let manifest = randomManifest(&random)
      let encoded = try manifest.encoded()
      let decoded = try Manifest.decoded(encoded, path: "m")
      #expect(decoded == manifest)
      #expect(try decoded.encoded() == encoded)
    }
  }

  @Test func manifestsCutShortOrChangedAreRefusedOrRead() throws {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<20 {
      let encoded = try randomManifest(&random).encoded()
      for length in 0..<encoded.count {
        #expect(failure { try Manifest.decoded(Array(encoded.prefix(length)), path: "m") } == .damaged)
      }
      #expect(failure { try Manifest.decoded(encoded + [0], path: "m") } == .damaged)
      for _ in 0..<500 {
        var changed = encoded
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: 0...255, using: &random)
        }
        // Whatever it says, it says it without a crash, and what is read can be asked for its size.
        if let read = try? Manifest.decoded(changed, path: "m") { _ = (read.size, read.kind) }
      }
    }
  }

  @Test(arguments: ["../x", "a/../b", "/etc/passwd", "a//b", "a/", "./a", "..", ".", "a\u{0}b"])
  func pathsThatLeadElsewhereAreRefused(_ path: String) throws {
    let file = Manifest.File(
      path: path, size: 0, modified: 0, modifiedNanoseconds: 0, format: "opaque", segments: [])
    let manifest = Manifest(
      content: .files([file]), tensors: [], metadata: [:], storages: [], chunks: [], packs: [])
    let encoded = try manifest.encoded()
    #expect(failure { try Manifest.decoded(encoded, path: "m") } == .damaged)
  }

  @Test func aManifestOfANewerEncodingSaysSo() throws {
    var encoded = try Manifest(
      content: .files([]), tensors: [], metadata: [:], storages: [], chunks: [], packs: []
    ).encoded()
    encoded[15] = 2
    #expect(failure { try Manifest.decoded(encoded, path: "m") } == .newerFormat)
  }

  @Test func packsComeBackAndDamagedOnesAreRefused() throws {
    var random = SeededGenerator(seed: 3)
    let blobs = [0, 1, 300, 4_096].map { bytes($0, seed: UInt64($0) + 1) }
    let packed = PackFile(packing: blobs.map { (Digest(hashing: $0), $0) })
    let read = try ReadPack(reading: packed.bytes)
    #expect(read.entries == packed.table.entries)
    for blob in blobs {
      let entry = try #require(read.table[Digest(hashing: blob)])
      #expect(Array(read.content(entry)) == blob)
    }
    #expect(read.table[Digest(hashing: [1, 2, 3])] == nil)
    for length in 0..<packed.bytes.count {
      #expect(failure { try ReadPack(reading: Array(packed.bytes.prefix(length))) } == .damaged)
    }
    for _ in 0..<3_000 {
      var changed = packed.bytes
      let place = Int.random(in: changed.count - 180..<changed.count, using: &random)
      changed[place] = .random(in: 0...255, using: &random)
      guard let pack = try? ReadPack(reading: changed) else { continue }
      for entry in pack.entries { #expect(pack.content(entry).count == entry.length) }
    }
  }

  @Test func listsOfIDsComeBack() throws {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<300 {
      let ids = (0..<Int.random(in: 0...20, using: &random)).map { _ in
        Int64.random(in: 0...(.random(using: &random) ? 100 : .max), using: &random)
      }
      #expect(try PackedIDs.decode(PackedIDs.encode(ids)) == ids)
    }
    #expect(PackedIDs.encode(1...1_000).count == 1_000, "neighbours take a byte each")
    #expect(throws: ByteReader.Malformed.self) { try PackedIDs.decode([0x80]) }
    #expect(throws: ByteReader.Malformed.self) { try PackedIDs.decode([UInt8](repeating: 0xFF, count: 11)) }
  }

  @Test func digestsAreWrittenAsSHA256SumPrintsThem() throws {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(Digest(hashing: Array("abc".utf8)).hex == abc)
    #expect(Digest(hex: abc) == Digest(hashing: Array("abc".utf8)))
    #expect(Digest(hex: abc.uppercased()) == nil)
    #expect(Digest(hex: abc.dropLast()) == nil)
    #expect(Digest(hex: abc + "0") == nil)
    #expect(Digest(hex: String(abc.dropLast()) + "/") == nil)
    #expect(Digest(hex: String(abc.dropLast()) + "é") == nil)
    #expect(Digest(bytes: Digest(hashing: [1]).bytes) == Digest(hashing: [1]))
    #expect(Digest(bytes: [1, 2]) == nil)
  }

  @Test func linesOfTheLogComeBackAndChangedOnesDoNot() throws {
    var entry = LogEntry(.saved, id: "1", by: .now())
    entry.path = "a/é \u{1F600}"
    entry.version = 3
    entry.metrics = ["loss": 0.1, "tiny": .leastNonzeroMagnitude, "huge": 1.7976931348623157e308]
    entry.metadata = ["n": .int(.max), "s": "\n\u{2028}", "nested": [[], ["a": nil]]]
    let previous = Digest(hashing: [1])
    let line = try LogLine(entry, after: previous)
    #expect(line.bytes.filter { $0 == UInt8(ascii: "\n") }.count == 1)
    let body = line.bytes[..<(line.bytes.count - 1)]
    let read = try #require(try LogLine(parsing: body, after: previous))
    #expect(read.entry == entry)
    #expect(read.chain == line.chain)
    #expect(read.bytes == line.bytes)
    #expect(try LogLine(parsing: body, after: .zero) == nil)
    for index in body.indices {
      var changed = Array(body)
      changed[index] ^= 1
      #expect(try LogLine(parsing: changed[...], after: previous) == nil)
      #expect(try LogLine(parsing: Array(body.prefix(index))[...], after: previous) == nil)
    }
  }

  @Test func compressedBytesThatSayTheyAreLargeAreNotBelieved() throws {
    let large = try Zstd.compress([UInt8](repeating: 0, count: 1 << 20))
    #expect(failure { try Zstd.decompress(large, path: "z", limit: 1 << 19) } == .damaged)
    #expect(try Zstd.decompress(large, path: "z", limit: 1 << 20).count == 1 << 20)
    #expect(failure { try Zstd.decompress(Array(large.dropLast(3)), path: "z", limit: 1 << 20) } == .damaged)
    #expect(failure { try Zstd.decompress([], path: "z", limit: 1 << 20) } == .damaged)
    #expect(failure { try Zstd.decompress(bytes(100, seed: 1), path: "z", limit: 1 << 20) } == .damaged)
  }

  @Test func namesAreReadAndRefused() throws {
    #expect(PathName(parsing: "a@2") == PathName(path: "a", version: 2))
    #expect(PathName(parsing: "a@b") == PathName(path: "a@b"))
    #expect(PathName(parsing: "a@b@12") == PathName(path: "a@b", version: 12))
    #expect(PathName(parsing: "a@") == PathName(path: "a@"))
    #expect(PathName(parsing: "@2") == PathName(path: "@2"))
    #expect(PathName(parsing: "a@99999999999999999999") == PathName(path: "a@99999999999999999999"))
    for name in ["", "a@1", "a\nb", "a\u{7f}", String(repeating: "x", count: 5_000)] {
      #expect(failure { try PathName.validate(name) } == .invalid)
    }
    for name in ["a", "@1", "a@b", "exp@2/last.ckpt", "é"] { #expect(failure { try PathName.validate(name) } == nil) }
    #expect(PathName.absolute("/a/../../b/./c//d/") == "/b/c/d")
  }
}
