import CairnCore

/// An entry's record in the central directory, to be checked against its local header and data descriptor.
struct ZipLocalEntry<Source: ByteSource> {
  let record: ZipDirectory.Record
  let source: Source
  let directoryOffset: Int

  init(_ record: ZipDirectory.Record, _ source: Source, directoryOffset: Int) {
    self.record = record
    self.source = source
    self.directoryOffset = directoryOffset
  }

  private func failure(_ problem: String) -> FormatError {
    FormatError(.zip, path: source.name, "entry \(record.shownName): \(problem)")
  }

  /// The entry, and where the last of its bytes (of the data descriptor, if there is one) ends.
  func checked() throws -> (entry: ZipArchive.Entry, end: Int) {
    guard let name = String(validating: record.name, as: UTF8.self) else { throw failure("its name is not UTF-8") }
    if let problem = ZipName.problem(name) { throw failure("its name is refused: \(problem)") }
    guard record.disk == 0 else { throw failure("it lies in another part of a split archive") }
    guard record.flags & ZipFormat.encryptionFlags == 0 else { throw failure("it is encrypted") }
    guard let compressedSize = Int(exactly: record.compressedSize),
      let uncompressedSize = Int(exactly: record.uncompressedSize),
      let headerOffset = Int(exactly: record.headerOffset)
    else { throw failure("it lies beyond the end of the file") }
    guard record.method != 0 || compressedSize == uncompressedSize else {
      throw failure("it is stored as it is, yet has two sizes, \(compressedSize) and \(uncompressedSize)")
    }

    let dataOffset = try checkLocalHeader(at: headerOffset)
    guard compressedSize <= directoryOffset - dataOffset else {
      throw failure("its \(compressedSize) bytes at \(dataOffset) reach into the central directory or beyond the file")
    }
    let method: ZipArchive.Entry.Method =
      switch record.method {
      case 0: .stored
      case 8: .deflated
      default: .other(record.method)
      }
    let entry = ZipArchive.Entry(
      name: name, headerOffset: headerOffset, dataOffset: dataOffset, compressedSize: compressedSize,
      uncompressedSize: uncompressedSize, method: method, crc32: record.crc32, flags: record.flags)
    return (entry, try entry.dataEnd + descriptorSize(at: entry.dataEnd))
  }

  /// Where the data begins, after a local header that says the same as the central one.
  private func checkLocalHeader(at offset: Int) throws -> Int {
    let fixed = ZipFormat.localHeaderSize
    guard offset <= directoryOffset, fixed + record.name.count <= directoryOffset - offset else {
      throw failure("its header, said to be at \(offset), lies beyond the place for entries")
    }
    var fields = ZipFields(try source.bytes(at: offset, count: fixed + record.name.count)[...])
    guard fields.take(UInt32.self) == ZipFormat.localHeader else { throw failure("there is no header at \(offset)") }
    guard fields.take(count: 2) != nil,  // version
      let flags = fields.take(UInt16.self), let method = fields.take(UInt16.self),
      fields.take(count: 4) != nil,  // time and date
      let crc32 = fields.take(UInt32.self),
      let compressed = fields.take(UInt32.self), let uncompressed = fields.take(UInt32.self),
      let nameSize = fields.take(UInt16.self), let extraSize = fields.take(UInt16.self)
    else { throw failure("its header is cut short") }
    guard Int(nameSize) == record.name.count, fields.take(count: Int(nameSize))?.elementsEqual(record.name) == true
    else { throw failure("it has another name in its own header") }
    guard flags & ZipFormat.encryptionFlags == 0 else { throw failure("it is encrypted") }
    guard method == record.method, flags & ZipFormat.descriptorFlag == record.flags & ZipFormat.descriptorFlag else {
      throw failure("its own header and the central directory disagree on how it is kept")
    }
    let extraOffset = offset + fixed + record.name.count
    guard Int(extraSize) <= directoryOffset - extraOffset else { throw failure("its header is cut short") }

    var large: ZipFields?
    if compressed == .max || uncompressed == .max {
      large = ZipExtra.zip64(in: try source.bytes(at: extraOffset, count: Int(extraSize))[...])
    }
    let localUncompressed = uncompressed == .max ? large?.take(UInt64.self) ?? .max : UInt64(uncompressed)
    let localCompressed = compressed == .max ? large?.take(UInt64.self) ?? .max : UInt64(compressed)
    let same =
      crc32 == record.crc32 && localCompressed == record.compressedSize
      && localUncompressed == record.uncompressedSize
    // With a data descriptor the header was written before anyone knew; what it says then must be 0 or right.
    let later =
      flags & ZipFormat.descriptorFlag != 0 && (crc32 == 0 || crc32 == record.crc32)
      && (compressed == 0 || compressed == .max || localCompressed == record.compressedSize)
      && (uncompressed == 0 || uncompressed == .max || localUncompressed == record.uncompressedSize)
    guard same || later else {
      throw failure("its own header and the central directory disagree on its size or CRC-32")
    }
    return extraOffset + Int(extraSize)
  }

  /// How long the data descriptor at `offset` is: with or without a signature, with sizes of 4 or of 8 bytes.
  private func descriptorSize(at offset: Int) throws -> Int {
    guard record.flags & ZipFormat.descriptorFlag != 0 else { return 0 }
    let bytes = try source.bytes(at: offset, count: min(24, directoryOffset - offset))
    for signed in [true, false] {
      for large in [false, true] {
        var fields = ZipFields(bytes[...])
        if signed, fields.take(UInt32.self) != ZipFormat.dataDescriptor { continue }
        guard fields.take(UInt32.self) == record.crc32 else { continue }
        let compressed = large ? fields.take(UInt64.self) : fields.take(UInt32.self).map(UInt64.init)
        let uncompressed = large ? fields.take(UInt64.self) : fields.take(UInt32.self).map(UInt64.init)
        if compressed == record.compressedSize, uncompressed == record.uncompressedSize { return fields.position }
      }
    }
    throw failure("what follows its data disagrees with the central directory on its size or CRC-32")
  }
}
