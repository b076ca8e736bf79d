import CairnCore
import Testing

@testable import CairnFormats

struct ZipArchiveTests {
  private func problem(_ builder: ZipBuilder) -> String? {
    do {
      _ = try ZipArchive(builder.source)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func readsStoredEntries() throws {
    let builder = ZipBuilder([.init(name: "a/b", data: [1, 2, 3]), .init(name: "a/empty", data: [])])
    let archive = try ZipArchive(builder.source)
    #expect(archive.entries.map(\.name) == ["a/b", "a/empty"])
    #expect(archive.entries.map(\.dataOffset) == [33, 73])
    let entry = try #require(archive["a/b"])
    #expect(try archive.contents(of: entry, in: builder.source) == [1, 2, 3])
    #expect(archive["b"] == nil)
  }

  @Test func readsDeflatedEntries() throws {
    let builder = ZipBuilder([.init(name: "x", data: deflatedCairns, method: 8, content: cairns)])
    let archive = try ZipArchive(builder.source)
    #expect(try archive.contents(of: archive.entries[0], in: builder.source) == cairns)
  }

  @Test func refusesDeflatedDataOfAnotherSize() throws {
    for wrong in [cairns.dropLast(), cairns + [0], []] {
      let builder = ZipBuilder([.init(name: "x", data: deflatedCairns, method: 8, content: Array(wrong))])
      let archive = try ZipArchive(builder.source)
      #expect(throws: FormatError.self) { try archive.contents(of: archive.entries[0], in: builder.source) }
    }
  }

  @Test func refusesToInflateWhatCannotBeThatLarge() throws {
    let size: UInt32 = 2_000_000_000
    var fields = ZipFieldWriter()
    fields.put(size)
    var bytes = ZipBuilder([.init(name: "x", data: deflatedCairns, method: 8)]).bytes
    // Both uncompressed sizes.
    let central = 30 + 1 + deflatedCairns.count
    bytes.replaceSubrange(22..<26, with: fields.bytes)
    bytes.replaceSubrange(central + 24..<central + 28, with: fields.bytes)
    let source = BytesSource(bytes, name: "bomb.zip")
    let archive = try ZipArchive(source)
    #expect(throws: FormatError.self) { try archive.contents(of: archive.entries[0], in: source) }
  }

  @Test func noticesDamagedContent() throws {
    var bytes = ZipBuilder([.init(name: "x", data: [1, 2, 3])]).bytes
    bytes[31] ^= 1
    let source = BytesSource(bytes, name: "damaged.zip")
    let archive = try ZipArchive(source)
    #expect(throws: FormatError.self) { try archive.contents(of: archive.entries[0], in: source) }
  }

  @Test(arguments: ["/etc/passwd", "../x", "a/../../x", "a/..", "a\\b", "a\0b", ""])
  func refusesNames(name: String) {
    #expect(problem(ZipBuilder([.init(name: name)]))?.contains("name is refused") == true)
  }

  @Test(arguments: ["...", "a..b", "..a/b", "a/.b"]) func takesNamesWithDots(name: String) {
    #expect(problem(ZipBuilder([.init(name: name)])) == nil)
  }

  @Test func refusesTheSameNameTwice() {
    #expect(problem(ZipBuilder([.init(name: "a"), .init(name: "a")]))?.contains("two entries called a") == true)
  }

  @Test func refusesOverlappingEntries() {
    // Both entries name the first one's header.
    let twice = ZipBuilder([.init(name: "a"), .init(name: "b", localName: "a", headerOffset: 0)])
    #expect(problem(twice)?.contains("another name") == true)
    // An entry whose data holds another entry's header and data.
    let inner = ZipBuilder([.init(name: "in")]).bytes.prefix(36)
    let nested = ZipBuilder([
      .init(name: "out", data: Array(inner)), .init(name: "in", headerOffset: 33),
    ])
    #expect(problem(nested)?.contains("overlaps") == true)
  }

  @Test func refusesEntriesThatReachIntoTheDirectory() {
    let long = ZipBuilder([.init(name: "long", localSize: 40, centralSize: 40)])
    #expect(problem(long)?.contains("long") == true)
    let beyond = ZipBuilder([.init(name: "beyond", headerOffset: 5000)])
    #expect(problem(beyond)?.contains("beyond") == true)
  }

  @Test func refusesDisagreement() {
    #expect(problem(ZipBuilder([.init(name: "size", localSize: 3)]))?.contains("disagree") == true)
    #expect(problem(ZipBuilder([.init(name: "one", localName: "two")]))?.contains("another name") == true)
  }

  @Test func refusesWhatItCannotRead() {
    #expect(problem(ZipBuilder([.init(name: "secret", flags: 1)]))?.contains("encrypted") == true)
    #expect(problem(ZipBuilder([.init(name: "part", disk: 1)]))?.contains("split") == true)
    var split = ZipBuilder([.init(name: "part")])
    split.disk = 1
    #expect(problem(split)?.contains("split") == true)
  }

  @Test func refusesBogusCounts() {
    for count: UInt16 in [0, 2, 60000] {
      var builder = ZipBuilder([.init(name: "a")])
      builder.count = count
      #expect(problem(builder) != nil)
    }
  }

  @Test func readsPastAComment() throws {
    var builder = ZipBuilder([.init(name: "a")])
    builder.comment = Array("PK\u{5}\u{6} is not the end".utf8) + [UInt8](repeating: 7, count: 300)
    #expect(try ZipArchive(builder.source).entries.count == 1)
  }

  @Test func readsAndChecksDataDescriptors() throws {
    let data = Array("data".utf8)
    for signed in [true, false] {
      for large in [true, false] {
        var descriptor = ZipFieldWriter()
        if signed { descriptor.put(ZipFormat.dataDescriptor) }
        descriptor.put(CRC32(data).value)
        for _ in 0..<2 { if large { descriptor.put(UInt64(4)) } else { descriptor.put(UInt32(4)) } }
        var entry = ZipBuilder.Entry(name: "a", data: data, flags: ZipFormat.descriptorFlag)
        entry.descriptor = descriptor.bytes
        #expect(problem(ZipBuilder([entry, .init(name: "b")])) == nil)
        entry.descriptor[5] ^= 1
        #expect(problem(ZipBuilder([entry, .init(name: "b")]))?.contains("entry a") == true)
        entry.descriptor = []
        #expect(problem(ZipBuilder([entry, .init(name: "b")]))?.contains("entry a") == true)
      }
    }
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = ZipBuilder([.init(name: "a"), .init(name: "b")]).bytes
    for length in 0..<bytes.count {
      #expect(throws: FormatError.self) { try ZipArchive(BytesSource(Array(bytes.prefix(length)), name: "cut.zip")) }
    }
  }

  @Test func noMutationCrashes() throws {
    let bytes = ZipBuilder([.init(name: "a"), .init(name: "b", data: deflatedCairns, method: 8)]).bytes
    for position in bytes.indices {
      for value in [0, 1, 0x7f, 0x80, 0xff, bytes[position] ^ 1, bytes[position] &+ 1] as [UInt8] {
        var changed = bytes
        changed[position] = value
        let source = BytesSource(changed, name: "mutant.zip")
        guard let archive = try? ZipArchive(source) else { continue }
        for entry in archive.entries { _ = try? archive.contents(of: entry, in: source) }
      }
    }
  }
}
