import CairnCore

/// The central directory of a zip archive as it is written there: what the archive says of itself, unchecked against
/// the entries (``ZipArchive`` does that).
///
/// PKWARE APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3.
struct ZipDirectory {
  struct Record {
    var name: [UInt8]
    var flags: UInt16
    var method: UInt16
    var crc32: UInt32
    var compressedSize: UInt64
    var uncompressedSize: UInt64
    var headerOffset: UInt64
    var disk: UInt32

    /// The name for messages, whatever bytes it has.
    var shownName: String { String(decoding: name, as: UTF8.self) }
  }

  /// The entries in the order of the directory.
  let records: [Record]
  /// Where the directory starts in the file: no entry reaches beyond.
  let offset: Int

  /// Whether the bytes begin as an archive with at least one entry does.
  static func isLikely(_ source: some ByteSource) throws -> Bool {
    guard source.size >= 4 else { return false }
    return try source.bytes(at: 0, count: 4) == [0x50, 0x4b, 3, 4]
  }

  init(_ source: some ByteSource) throws {
    let end = try ZipEnd(source)
    let bytes = try source.bytes(at: end.directoryOffset, count: end.directorySize)
    var fields = ZipFields(bytes[...])
    var records: [Record] = []
    records.reserveCapacity(end.count)
    for index in 0..<end.count {
      guard let record = try Record(&fields, path: source.name, index: index) else {
        throw FormatError(.zip, path: source.name, "the central directory ends within entry \(index) of \(end.count)")
      }
      records.append(record)
    }
    guard fields.remaining == 0 else {
      throw FormatError(
        .zip, path: source.name, "the central directory has \(fields.remaining) bytes after its \(end.count) entries")
    }
    self.records = records
    offset = end.directoryOffset
  }
}

extension ZipDirectory.Record {
  /// Takes the next entry; nil if it is cut short.
  fileprivate init?(_ fields: inout ZipFields, path: String, index: Int) throws {
    guard let signature = fields.take(UInt32.self) else { return nil }
    guard signature == ZipFormat.centralHeader else {
      throw FormatError(.zip, path: path, "entry \(index) of the central directory has no signature")
    }
    guard fields.take(count: 4) != nil,  // versions
      let flags = fields.take(UInt16.self), let method = fields.take(UInt16.self),
      fields.take(count: 4) != nil,  // time and date
      let crc32 = fields.take(UInt32.self),
      let compressed = fields.take(UInt32.self), let uncompressed = fields.take(UInt32.self),
      let nameSize = fields.take(UInt16.self), let extraSize = fields.take(UInt16.self),
      let commentSize = fields.take(UInt16.self), let disk = fields.take(UInt16.self),
      fields.take(count: 6) != nil,  // attributes
      let headerOffset = fields.take(UInt32.self),
      let name = fields.take(count: Int(nameSize)), let extra = fields.take(count: Int(extraSize)),
      fields.take(count: Int(commentSize)) != nil
    else { return nil }
    self.name = [UInt8](name)
    self.flags = flags
    self.method = method
    self.crc32 = crc32
    self.compressedSize = UInt64(compressed)
    self.uncompressedSize = UInt64(uncompressed)
    self.headerOffset = UInt64(headerOffset)
    self.disk = UInt32(disk)
    guard var large = ZipExtra.zip64(in: extra) else { return }
    // Only the fields that did not fit are there, in this order.
    let short = FormatError(
      .zip, path: path, "the zip64 field of entry \(shownName) in the central directory is cut short")
    if uncompressed == .max {
      guard let value = large.take(UInt64.self) else { throw short }
      uncompressedSize = value
    }
    if compressed == .max {
      guard let value = large.take(UInt64.self) else { throw short }
      compressedSize = value
    }
    if headerOffset == .max {
      guard let value = large.take(UInt64.self) else { throw short }
      self.headerOffset = value
    }
    if disk == .max {
      guard let value = large.take(UInt32.self) else { throw short }
      self.disk = value
    }
  }
}

/// The extra fields of an entry.
enum ZipExtra {
  /// The zip64 field's content, if there is one.
  static func zip64(in extra: ArraySlice<UInt8>) -> ZipFields? {
    var fields = ZipFields(extra)
    while let id = fields.take(UInt16.self), let size = fields.take(UInt16.self) {
      guard let content = fields.take(count: Int(size)) else { return nil }
      if id == ZipFormat.zip64ExtraField { return ZipFields(content) }
    }
    return nil
  }
}
