import CairnCore
import Testing

@testable import CairnFormats

struct ZipWriterTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func whatIsWrittenIsRead(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let contents = (0..<Int.random(in: 0..<30, using: &random)).map { index in
      let name = "archive/" + String(repeating: "é", count: Int.random(in: 0..<40, using: &random)) + "\(index)"
      let bytes = (0..<Int.random(in: 0..<300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      return (name: name, bytes: bytes)
    }
    let collected = CollectedBytes()
    var writer = ZipWriter(to: collected.write)
    for content in contents { try writer.add(content.name, content.bytes) }
    try writer.finish()

    let source = BytesSource(collected.bytes, name: "written.zip")
    let archive = try ZipArchive(source)
    #expect(archive.entries.map(\.name) == contents.map(\.name))
    for (entry, content) in zip(archive.entries, contents) {
      #expect(try archive.contents(of: entry, in: source) == content.bytes)
      #expect(entry.dataOffset % 64 == 0)
    }
  }

  @Test func aPieceAtATimeIsTheSame() throws {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    let whole = CollectedBytes()
    var writer = ZipWriter(to: whole.write)
    try writer.add("a/b", bytes)
    try writer.finish()
    let pieces = CollectedBytes()
    writer = ZipWriter(to: pieces.write)
    try writer.add("a/b", byteCount: 1000, crc32: CRC32(bytes).value) { write in
      for start in stride(from: 0, to: 1000, by: 7) {
        try Array(bytes[start..<min(start + 7, 1000)]).withUnsafeBytes { try write($0) }
      }
    }
    try writer.finish()
    #expect(whole.bytes == pieces.bytes)
  }

  @Test(arguments: [2, 4]) func refusesAnotherNumberOfBytesThanAnnounced(count: Int) {
    var writer = ZipWriter(to: CollectedBytes().write)
    #expect(throws: ZipWriter.EntryError.self) {
      try writer.add("a", byteCount: 3) { write in
        try [UInt8](repeating: 0, count: count).withUnsafeBytes { try write($0) }
      }
    }
  }

  @Test func refusesNamesThatNoReaderTakes() throws {
    var writer = ZipWriter(to: CollectedBytes().write)
    #expect(throws: ZipWriter.EntryError.self) { try writer.add("../a", []) }
    try writer.add("a", [])
    #expect(throws: ZipWriter.EntryError.self) { try writer.add("a", []) }
  }

  @Test func entriesAndOffsetsBeyond4GiB() throws {
    // Zeros are kept only as a length, so this takes no memory and no disk.
    let zeros = [UInt8](repeating: 0, count: 1 << 24)
    let collected = SparseCollector()
    var writer = ZipWriter(to: collected.write)
    let sizes = [0, 5 << 30, 3]
    try writer.add("a/first", [])
    try writer.add("a/large", byteCount: sizes[1], crc32: 0) { write in
      try zeros.withUnsafeBytes { for _ in 0..<(sizes[1] >> 24) { try write($0) } }
    }
    try writer.add("a/last", [1, 2, 3])
    try writer.finish()

    let source = collected.source
    let archive = try ZipArchive(source)
    #expect(archive.entries.map(\.uncompressedSize) == sizes)
    #expect(archive.entries.allSatisfy { $0.dataOffset % 64 == 0 })
    let last = try #require(archive["a/last"])
    #expect(last.headerOffset > 5 << 30)
    #expect(try archive.contents(of: last, in: source) == [1, 2, 3])
    let large = try #require(archive["a/large"])
    #expect(throws: FormatError.self) { try archive.contents(of: large, in: source) }
  }

  @Test func manyEntries() throws {
    let collected = CollectedBytes()
    var writer = ZipWriter(to: collected.write)
    for index in 0..<70_000 { try writer.add("a/\(index)", []) }
    try writer.finish()
    #expect(try ZipArchive(BytesSource(collected.bytes, name: "many.zip")).entries.count == 70_000)
  }
}
