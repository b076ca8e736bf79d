import CairnCore

/// The entries of a zip archive, every one checked against its local header and its neighbours.
///
/// PKWARE APPNOTE.TXT 6.3.10. What other readers would understand in different ways is refused: entries that overlap,
/// names twice, sizes that disagree. Encrypted and split archives are not read.
public struct ZipArchive: Sendable {
  /// One file in the archive.
  public struct Entry: Sendable, Hashable {
    /// How its bytes are kept.
    public enum Method: Sendable, Hashable {
      /// As they are.
      case stored
      /// Compressed with deflate.
      case deflated
      /// In a way that is not read here; the number is APPNOTE's.
      case other(UInt16)
    }

    /// Its path in the archive, components separated by `/`; no absolute path, no `..`.
    public let name: String
    /// Where its local header starts in the file, in bytes.
    public let headerOffset: Int
    /// Where its data starts in the file, in bytes.
    public let dataOffset: Int
    /// How many bytes its data takes in the file.
    public let compressedSize: Int
    /// How many bytes its content has.
    public let uncompressedSize: Int
    /// How its bytes are kept.
    public let method: Method
    /// The CRC-32 of its content.
    public let crc32: UInt32
    /// The general purpose flags.
    public let flags: UInt16

    /// The end of its data in the file; a data descriptor may follow.
    var dataEnd: Int { dataOffset + compressedSize }
  }

  /// The entries in the order of the central directory.
  public let entries: [Entry]
  private let positions: [String: Int]

  /// Reads the directory and all local headers.
  ///
  /// Throws ``FormatError`` that names the entry, or what the source throws.
  public init(_ source: some ByteSource) throws { try self.init(source, directory: ZipDirectory(source)) }

  init(_ source: some ByteSource, directory: ZipDirectory) throws {
    var entries: [Entry] = []
    var ends: [Int] = []
    var positions: [String: Int] = [:]
    entries.reserveCapacity(directory.records.count)
    for record in directory.records {
      let (entry, end) = try ZipLocalEntry(record, source, directoryOffset: directory.offset).checked()
      guard positions.updateValue(entries.count, forKey: entry.name) == nil else {
        throw FormatError(.zip, path: source.name, "it has two entries called \(entry.name)")
      }
      entries.append(entry)
      ends.append(end)
    }
    let order = entries.indices.sorted { entries[$0].headerOffset < entries[$1].headerOffset }
    for (first, second) in zip(order, order.dropFirst()) where ends[first] > entries[second].headerOffset {
      throw FormatError(
        .zip, path: source.name, "entry \(entries[second].name) overlaps entry \(entries[first].name)")
    }
    self.entries = entries
    self.positions = positions
  }

  /// The entry called `name`.
  public subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }

  /// The content of `entry`, decompressed; `source` is the file the archive was read from. `checked` compares its CRC-32.
  ///
  /// Throws ``FormatError`` if the content is damaged, longer than `limit` bytes (a sparse file may claim more than
  /// any memory holds), or compressed in another way than deflate.
  public func contents(of entry: Entry, in source: some ByteSource, limit: Int = 1 << 32, checked: Bool = true) throws
    -> [UInt8]
  {
    guard entry.uncompressedSize <= limit else {
      throw FormatError(
        .zip, path: source.name,
        "entry \(entry.name) has \(entry.uncompressedSize) bytes, more than the \(limit) that are read at once")
    }
    let contents: [UInt8]
    switch entry.method {
    case .stored: contents = try source.bytes(at: entry.dataOffset, count: entry.uncompressedSize)
    case .deflated: contents = try Inflation.inflate(entry, in: source)
    case .other(let number):
      throw FormatError(
        .zip, path: source.name, "entry \(entry.name) is compressed with method \(number), which is not read here")
    }
    guard !checked || CRC32(contents).value == entry.crc32 else {
      throw FormatError(.zip, path: source.name, "entry \(entry.name) is damaged: its CRC-32 does not match")
    }
    return contents
  }
}
