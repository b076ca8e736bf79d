/// A pack that is being made: many small blobs in one file, with a table at its end by which they are found without an
/// index.
///
/// Blobs one after the other; then for each its digest (32 bytes), offset and length (4 bytes each, little-endian); then
/// the number of blobs (4 bytes) and the magic number (8 bytes). The file's name is the SHA-256 of all of it.
struct PackFile: Sendable {
  /// The file's whole content.
  let bytes: [UInt8]
  /// What lies in it.
  let table: PackTable

  /// Puts blobs together.
  init(packing blobs: [(digest: Digest, bytes: [UInt8])]) {
    var bytes: [UInt8] = []
    var entries: [PackTable.Entry] = []
    for blob in blobs {
      entries.append(.init(digest: blob.digest, offset: bytes.count, length: blob.bytes.count))
      bytes += blob.bytes
    }
    for entry in entries {
      bytes += entry.digest.bytes + Self.littleEndian(entry.offset) + Self.littleEndian(entry.length)
    }
    bytes += Self.littleEndian(entries.count) + PackTable.magic
    self.bytes = bytes
    table = PackTable(entries)
  }

  private static func littleEndian(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }
}
