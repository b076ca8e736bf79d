import Glibc

/// A look into SQLite's write-ahead log (sqlite.org/fileformat2.html, section 4).
enum WriteAheadLog {
  private static let headerSize = 32
  private static let frameHeaderSize = 24

  /// Whether there is a committed transaction in it: a frame that says how large the database is after it, with the
  /// salts of the log's header. Checksums are not looked at: a wrong one makes this say yes too often.
  static func hasCommit(_ path: String) throws -> Bool {
    // This process may have the log open in SQLite, but that takes no POSIX locks on it, so closing it loses none.
    guard let file = try? OpenFile(path, O_RDONLY) else { return false }
    let size = try file.status().size
    guard size >= headerSize else { return false }
    let header = try bytes(file, at: 0, count: headerSize)
    let pageSize = number(header, at: 8)
    guard pageSize >= 512, pageSize <= 65_536 else { return false }
    for offset in stride(from: headerSize, through: size - frameHeaderSize - pageSize, by: frameHeaderSize + pageSize) {
      let frame = try bytes(file, at: offset, count: frameHeaderSize)
      guard frame[8..<16].elementsEqual(header[16..<24]) else { return false }
      if number(frame, at: 4) != 0 { return true }
    }
    return false
  }

  private static func bytes(_ file: OpenFile, at offset: Int, count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard try bytes.withUnsafeMutableBytes({ try file.read(into: $0, at: offset) }) == count else {
      throw CairnError.damaged(file.path, "it is shorter than it was")
    }
    return bytes
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> Int {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
  }
}
