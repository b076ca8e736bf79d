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

  /// Reads the table of an open pack. Throws if it is not one.
  init(_ file: OpenFile) throws {
    let size = try file.status().size
    guard size >= Self.footerSize else { throw CairnError.damaged(file.path, "not a pack") }
    let footer = try Self.bytes(file, at: size - Self.footerSize, count: Self.footerSize)
    guard Array(footer[4...]) == Self.magic else { throw CairnError.damaged(file.path, "not a pack") }
    let count = Self.number(footer, at: 0)
    guard count <= (size - Self.footerSize) / Self.entrySize else {
      throw CairnError.damaged(file.path, "its table is larger than the file")
    }
    let start = size - Self.footerSize - count * Self.entrySize
    let table = try Self.bytes(file, at: start, count: count * Self.entrySize)
    self.init(
      try (0..<count).map { index in
        let at = index * Self.entrySize
        let offset = Self.number(table, at: at + Digest.byteCount)
        let length = Self.number(table, at: at + Digest.byteCount + 4)
        guard let digest = Digest(bytes: table[at..<at + Digest.byteCount]), offset + length <= start else {
          throw CairnError.damaged(file.path, "its table names a blob beyond it")
        }
        return Entry(digest: digest, offset: offset, length: length)
      })
  }

  /// Where a blob lies; nil if it is not in the pack.
  subscript(digest: Digest) -> Entry? { positions[digest].map { entries[$0] } }

  private static func bytes(_ file: OpenFile, at offset: Int, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard try bytes.withUnsafeMutableBytes({ try file.read(into: $0, at: offset) }) == count else {
      throw CairnError.damaged(file.path, "it is shorter than it was")
    }
    return bytes
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }
}
