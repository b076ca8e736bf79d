/// Where the blobs of a pack lie: what stands at its end, read without the rest.
struct PackTable: Sendable {
  /// A blob in a pack.
  struct Entry: Sendable, Hashable {
    var digest: Digest
    var offset: Int
    var length: Int
  }

  static let magic = Array("CAIRNPK1".utf8)
  static let entrySize = Digest.byteCount + 8
  static let footerSize = 12

  /// In the order in which they lie in the file.
  let entries: [Entry]
  private let positions: [Digest: Int]

  init(_ entries: [Entry]) {
    self.entries = entries
    positions = Dictionary(entries.indices.map { (entries[$0].digest, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Reads the table of a pack. Throws if it is not one.
  init(_ pack: some ByteSource) throws {
    guard pack.size >= Self.footerSize else { throw CairnError.damaged(pack.name, "not a pack") }
    let footer = try pack.bytes(at: pack.size - Self.footerSize, count: Self.footerSize)
    guard Array(footer[4...]) == Self.magic else { throw CairnError.damaged(pack.name, "not a pack") }
    let count = Self.number(footer, at: 0)
    guard count <= (pack.size - Self.footerSize) / Self.entrySize else {
      throw CairnError.damaged(pack.name, "its table is larger than the file")
    }
    let start = pack.size - Self.footerSize - count * Self.entrySize
    let table = try pack.bytes(at: start, count: count * Self.entrySize)
    self.init(
      try (0..<count).map { index in
        let at = index * Self.entrySize
        let offset = Self.number(table, at: at + Digest.byteCount)
        let length = Self.number(table, at: at + Digest.byteCount + 4)
        guard let digest = Digest(bytes: table[at..<at + Digest.byteCount]), offset + length <= start else {
          throw CairnError.damaged(pack.name, "its table names a blob beyond it")
        }
        return Entry(digest: digest, offset: offset, length: length)
      })
  }

  /// Where a blob lies; nil if it is not in the pack.
  subscript(digest: Digest) -> Entry? { positions[digest].map { entries[$0] } }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }
}
