import CairnCore

/// Where the central directory is, from the records at the end of the file.
struct ZipEnd {
  /// How many entries the directory has.
  let count: Int
  let directoryOffset: Int
  let directorySize: Int

  init(_ source: some ByteSource) throws {
    let path = source.name
    let tailStart = max(0, source.size - ZipFormat.endRecordSize - ZipFormat.maximumCommentSize)
    let tail = try source.bytes(at: tailStart, count: source.size - tailStart)
    guard let found = ZipEnd.endRecord(in: tail) else {
      throw FormatError(
        .zip, path: path,
        "it is truncated: it begins as a zip archive but has no end record (half written, or something was appended)")
    }
    var fields = ZipFields(tail[(found + 4)...])
    guard let disk = fields.take(UInt16.self), let directoryDisk = fields.take(UInt16.self),
      let diskCount = fields.take(UInt16.self), let count = fields.take(UInt16.self),
      let size = fields.take(UInt32.self), let offset = fields.take(UInt32.self)
    else { throw FormatError(.zip, path: path, "its end record is cut short") }
    let short = Values(
      disk: UInt32(disk), directoryDisk: UInt32(directoryDisk), diskCount: UInt64(diskCount), count: UInt64(count),
      size: UInt64(size), offset: UInt64(offset), recordOffset: tailStart + found)
    let values = try ZipEnd.zip64(source, before: tailStart + found, short: short) ?? short

    guard values.disk == 0, values.directoryDisk == 0, values.diskCount == values.count else {
      throw FormatError(.zip, path: path, "it is one part of an archive split over several files")
    }
    guard let directoryOffset = Int(exactly: values.offset), let directorySize = Int(exactly: values.size),
      directoryOffset <= values.recordOffset, directorySize <= values.recordOffset - directoryOffset
    else {
      throw FormatError(
        .zip, path: path,
        "its central directory (\(values.size) bytes at \(values.offset)) does not lie before its end record at "
          + "\(values.recordOffset)")
    }
    guard directorySize <= ZipEnd.maximumDirectorySize else {
      throw FormatError(.zip, path: path, "its central directory has \(directorySize) bytes, more than is read")
    }
    guard values.count <= UInt64(directorySize / ZipFormat.centralHeaderSize) else {
      throw FormatError(
        .zip, path: path, "\(values.count) entries do not fit a central directory of \(directorySize) bytes")
    }
    self.count = Int(values.count)
    self.directoryOffset = directoryOffset
    self.directorySize = directorySize
  }

  /// Far more than 10 million tensors need; a sparse file may claim more than any memory holds.
  private static let maximumDirectorySize = 1 << 30

  private struct Values {
    var disk: UInt32
    var directoryDisk: UInt32
    var diskCount: UInt64
    var count: UInt64
    var size: UInt64
    var offset: UInt64
    /// Where the first of the end records lies.
    var recordOffset: Int
  }

  /// The last place at which an end record begins whose comment reaches just to the end of the file.
  private static func endRecord(in tail: [UInt8]) -> Int? {
    var position = tail.count - ZipFormat.endRecordSize
    while position >= 0 {
      if tail[position] == 0x50, tail[position + 1] == 0x4b, tail[position + 2] == 5, tail[position + 3] == 6 {
        let comment = Int(tail[position + 20]) | Int(tail[position + 21]) << 8
        if position + ZipFormat.endRecordSize + comment == tail.count { return position }
      }
      position -= 1
    }
    return nil
  }

  /// The 64-bit values, if a locator lies just before the end record at `end`.
  private static func zip64(_ source: some ByteSource, before end: Int, short: Values) throws -> Values? {
    let path = source.name
    let locatorOffset = end - ZipFormat.zip64LocatorSize
    guard locatorOffset >= 0 else { return nil }
    var locator = ZipFields(try source.bytes(at: locatorOffset, count: ZipFormat.zip64LocatorSize)[...])
    guard locator.take(UInt32.self) == ZipFormat.zip64Locator else { return nil }
    guard let recordDisk = locator.take(UInt32.self), let recordOffset = locator.take(UInt64.self),
      let disks = locator.take(UInt32.self)
    else { return nil }
    guard recordDisk == 0, disks <= 1 else {
      throw FormatError(.zip, path: path, "it is one part of an archive split over several files")
    }
    guard let offset = Int(exactly: recordOffset), offset <= locatorOffset,
      locatorOffset - offset >= ZipFormat.zip64EndRecordSize
    else {
      throw FormatError(.zip, path: path, "its zip64 end record, said to be at \(recordOffset), does not fit there")
    }
    var record = ZipFields(try source.bytes(at: offset, count: ZipFormat.zip64EndRecordSize)[...])
    guard record.take(UInt32.self) == ZipFormat.zip64EndRecord, let recordSize = record.take(UInt64.self),
      recordSize >= UInt64(ZipFormat.zip64EndRecordSize - 12), recordSize <= UInt64(locatorOffset - offset - 12),
      record.take(count: 4) != nil,  // versions
      let disk = record.take(UInt32.self), let directoryDisk = record.take(UInt32.self),
      let diskCount = record.take(UInt64.self), let count = record.take(UInt64.self),
      let size = record.take(UInt64.self), let directory = record.take(UInt64.self)
    else { throw FormatError(.zip, path: path, "there is no valid zip64 end record at \(offset)") }
    // Two readers that trust different records must not see different archives.
    guard short.count == 0xffff || short.count == count, short.size == 0xffff_ffff || short.size == size,
      short.offset == 0xffff_ffff || short.offset == directory
    else { throw FormatError(.zip, path: path, "its two end records disagree") }
    return Values(
      disk: disk, directoryDisk: directoryDisk, diskCount: diskCount, count: count, size: size, offset: directory,
      recordOffset: offset)
  }
}
