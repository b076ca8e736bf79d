import CairnCore

@testable import CairnFormats

/// Collects what a writer writes.
final class CollectedBytes {
  var bytes: [UInt8] = []
  func write(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
}

/// A source of a few pieces in an ocean of zeros, for files that would be too large to make.
struct SparseSource: ByteSource {
  let name = "sparse"
  let size: Int
  let pieces: [(offset: Int, bytes: [UInt8])]

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard offset >= 0, offset <= size, buffer.count <= size - offset else { throw FormatError(.zip, path: name, "end") }
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    for piece in pieces {
      let start = max(offset, piece.offset)
      let end = min(offset + buffer.count, piece.offset + piece.bytes.count)
      if start < end {
        for position in start..<end { buffer[position - offset] = piece.bytes[position - piece.offset] }
      }
    }
  }
}

/// Collects what a writer writes, leaving out long pieces of zeros.
final class SparseCollector {
  private(set) var size = 0
  private var pieces: [(offset: Int, bytes: [UInt8])] = []

  func write(_ piece: UnsafeRawBufferPointer) {
    if piece.count < 1 << 20 { pieces.append((size, [UInt8](piece))) }
    size += piece.count
  }

  var source: SparseSource { SparseSource(size: size, pieces: pieces) }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Builds zip archives field by field, right or wrong.
struct ZipBuilder {
  struct Entry {
    var name: String
    var data: [UInt8] = Array("data".utf8)
    var localName: String?
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var content: [UInt8]?
    var localSize: UInt32?
    var centralSize: UInt32?
    var headerOffset: Int?
    var localExtra: [UInt8] = []
    var centralExtra: [UInt8] = []
    /// What follows the data.
    var descriptor: [UInt8] = []
    var disk: UInt16 = 0
  }

  var entries: [Entry]
  var count: UInt16?
  var disk: UInt16 = 0
  var comment: [UInt8] = []

  init(_ entries: [Entry]) { self.entries = entries }

  var bytes: [UInt8] {
    var out = ZipFieldWriter()
    var offsets: [Int] = []
    for entry in entries {
      offsets.append(out.bytes.count)
      let deferred = entry.flags & ZipFormat.descriptorFlag != 0
      let name = Array((entry.localName ?? entry.name).utf8)
      out.put(ZipFormat.localHeader)
      out.put(UInt16(20))
      out.put(entry.flags)
      out.put(entry.method)
      out.put(UInt32(0))
      out.put(deferred ? 0 : CRC32(entry.content ?? entry.data).value)
      out.put(entry.localSize ?? (deferred ? 0 : UInt32(entry.data.count)))
      out.put(entry.localSize ?? (deferred ? 0 : UInt32((entry.content ?? entry.data).count)))
      out.put(UInt16(name.count))
      out.put(UInt16(entry.localExtra.count))
      out.put(name)
      out.put(entry.localExtra)
      out.put(entry.data)
      out.put(entry.descriptor)
    }
    let start = out.bytes.count
    for (entry, offset) in zip(entries, offsets) {
      out.put(ZipFormat.centralHeader)
      out.put(UInt32(0))
      out.put(entry.flags)
      out.put(entry.method)
      out.put(UInt32(0))
      out.put(CRC32(entry.content ?? entry.data).value)
      out.put(entry.centralSize ?? UInt32(entry.data.count))
      out.put(entry.centralSize ?? UInt32((entry.content ?? entry.data).count))
      out.put(UInt16(entry.name.utf8.count))
      out.put(UInt16(entry.centralExtra.count))
      out.put(UInt16(0))
      out.put(entry.disk)
      out.put([UInt8](repeating: 0, count: 6))
      out.put(UInt32(entry.headerOffset ?? offset))
      out.put(entry.name.utf8)
      out.put(entry.centralExtra)
    }
    let end = out.bytes.count
    out.put(ZipFormat.endRecord)
    out.put(disk)
    out.put(disk)
    out.put(count ?? UInt16(entries.count))
    out.put(count ?? UInt16(entries.count))
    out.put(UInt32(end - start))
    out.put(UInt32(start))
    out.put(UInt16(comment.count))
    out.put(comment)
    return out.bytes
  }

  var source: BytesSource { BytesSource(bytes, name: "test.zip") }
}

/// 1,000 times "cairn ".
let cairns = [UInt8](String(repeating: "cairn ", count: 1000).utf8)

/// Raw deflate of ``cairns``.
let deflatedCairns: [UInt8] = [
  237, 196, 33, 13, 0, 0, 8, 0, 176, 42, 84, 99, 40, 12, 130, 254, 130, 16, 216, 95, 188, 178, 119, 162, 108, 219, 182,
  109, 219, 182, 109, 219, 246, 227, 3,
]
