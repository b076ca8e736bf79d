/// A pack: many small blobs in one file, with a table at its end by which they are found without an index.
///
/// Blobs one after the other; then for each its digest (32 bytes), offset and length (4 bytes each, little-endian); then
/// the number of blobs (4 bytes) and the magic number (8 bytes). The file's name is the SHA-256 of all of it.
struct PackFile: Sendable {
  struct Entry: Sendable, Hashable {
    var digest: Digest
    var offset: Int
    var length: Int
  }

  private static let magic = Array("CAIRNPK1".utf8)
  private static let entrySize = Digest.byteCount + 8
  private static let footerSize = 12

  /// The file's whole content.
  let bytes: [UInt8]
  /// What lies in it, in order.
  let entries: [Entry]
  private let positions: [Digest: Int]

  /// Puts blobs together.
  init(packing blobs: [(digest: Digest, bytes: [UInt8])]) {
    var bytes: [UInt8] = []
    var entries: [Entry] = []
    for blob in blobs {
      entries.append(Entry(digest: blob.digest, offset: bytes.count, length: blob.bytes.count))
      bytes += blob.bytes
    }
    for entry in entries {
      bytes += entry.digest.bytes
      bytes += Self.littleEndian(entry.offset) + Self.littleEndian(entry.length)
    }
    bytes += Self.littleEndian(entries.count) + Self.magic
    self.bytes = bytes
    self.entries = entries
    positions = Self.positions(entries)
  }

  /// Reads a pack's table. Throws if it is not one; the blobs' contents are not looked at.
  init(reading bytes: [UInt8], path: String) throws {
    let count = bytes.count
    guard count >= Self.footerSize, Array(bytes[(count - 8)...]) == Self.magic else {
      throw CairnError.damaged(path, "not a pack")
    }
    let number = Self.number(bytes, at: count - Self.footerSize)
    guard number <= (count - Self.footerSize) / Self.entrySize else {
      throw CairnError.damaged(path, "its table is larger than the file")
    }
    let table = count - Self.footerSize - number * Self.entrySize
    entries = try (0..<number).map { index in
      let at = table + index * Self.entrySize
      guard let digest = Digest(bytes: bytes[at..<at + Digest.byteCount]) else {
        throw CairnError.damaged(path, "its table cannot be read")
      }
      let offset = Self.number(bytes, at: at + Digest.byteCount)
      let length = Self.number(bytes, at: at + Digest.byteCount + 4)
      guard offset + length <= table else { throw CairnError.damaged(path, "a blob beyond its table") }
      return Entry(digest: digest, offset: offset, length: length)
    }
    self.bytes = bytes
    positions = Self.positions(entries)
  }

  private static func positions(_ entries: [Entry]) -> [Digest: Int] {
    Dictionary(entries.indices.map { (entries[$0].digest, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Where a blob lies in it; nil if it is not in it.
  func entry(_ digest: Digest) -> Entry? { positions[digest].map { entries[$0] } }

  /// One blob's bytes.
  func content(_ entry: Entry) -> ArraySlice<UInt8> { bytes[entry.offset..<entry.offset + entry.length] }

  private static func littleEndian(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }
}
