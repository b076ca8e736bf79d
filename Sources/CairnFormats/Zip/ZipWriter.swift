/// Writes a zip archive of stored entries, in one pass, just as PyTorch does.
///
/// caffe2/serialize/inline_container.cc with its miniz: no times, sizes and CRC-32 in a data descriptor, the data of
/// each entry at a multiple of 64 bytes (an extra field "FB" fills up), zip64 where 32 bits are too few. The same
/// entries give the same bytes.
public struct ZipWriter {
  /// Takes the next bytes of the archive, or of an entry.
  public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  /// What the data of every entry is aligned to, in bytes.
  public static let alignment = 64

  private struct Written {
    var name: String
    var flags: UInt16
    var crc32: UInt32
    var size: UInt64
    var headerOffset: UInt64
  }

  private let sink: Sink
  private var entries: [Written] = []
  private var names: Set<String> = []
  /// How many bytes were written so far.
  public private(set) var offset = 0

  /// Starts an archive whose bytes go to `sink`.
  public init(to sink: @escaping Sink) { self.sink = sink }

  /// An entry that could not be written as it was asked for. The archive cannot be finished after it.
  public struct EntryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The entry.
    public let name: String
    /// What is wrong with it.
    public let problem: String

    public var description: String { "zip entry \(name) cannot be written: \(problem)" }
  }

  /// The names and CRC-32s so far, in order.
  var checksums: [(name: String, crc32: UInt32)] { entries.map { ($0.name, $0.crc32) } }

  /// Writes an entry.
  public mutating func add(_ name: String, _ contents: [UInt8]) throws {
    try add(name, byteCount: contents.count) { write in try contents.withUnsafeBytes { try write($0) } }
  }

  /// Writes an entry of `byteCount` bytes, which `body` gives in pieces to the closure it gets.
  ///
  /// A `crc32` that is given is believed, and spares summing the bytes. Throws ``EntryError`` for a name that no
  /// reader would take, a second entry of that name, or another number of bytes than `byteCount`; and what `body` or
  /// the sink throws.
  public mutating func add(_ name: String, byteCount: Int, crc32: UInt32? = nil, body: (Sink) throws -> Void) throws {
    if let problem = ZipName.problem(name) { throw EntryError(name: name, problem: "its name is refused: \(problem)") }
    guard names.insert(name).inserted else { throw EntryError(name: name, problem: "there is one of that name") }
    guard byteCount >= 0 else { throw EntryError(name: name, problem: "its size is negative") }

    let size = UInt64(byteCount)
    let headerOffset = UInt64(offset)
    // miniz writes no descriptor after nothing.
    let flags = byteCount == 0 ? ZipFormat.utf8Flag : ZipFormat.utf8Flag | ZipFormat.descriptorFlag
    // miniz puts the compressed size there before it knows it; with a descriptor, nobody reads it.
    let large = ZipWriter.zip64Field(size: size, compressedSize: 0, offset: headerOffset)
    try emit(ZipWriter.localHeader(name, flags: flags, at: headerOffset, zip64: large))

    var sum = CRC32()
    var count = 0
    let sink = self.sink
    try body { piece in
      guard piece.count <= byteCount - count else {
        throw EntryError(name: name, problem: "it has more than the \(byteCount) bytes that were announced")
      }
      count += piece.count
      if crc32 == nil { sum.update(piece) }
      if piece.count > 0 { try sink(piece) }
    }
    guard count == byteCount else {
      throw EntryError(name: name, problem: "it has \(count) bytes, not the \(byteCount) that were announced")
    }
    offset += count

    let checksum = crc32 ?? sum.value
    if byteCount > 0 {
      var descriptor = ZipFieldWriter()
      descriptor.put(ZipFormat.dataDescriptor)
      descriptor.put(checksum)
      for _ in 0..<2 {
        if large.isEmpty { descriptor.put(UInt32(size)) } else { descriptor.put(size) }
      }
      try emit(descriptor.bytes)
    }
    entries.append(Written(name: name, flags: flags, crc32: checksum, size: size, headerOffset: headerOffset))
  }

  /// Writes the central directory and the end records. Nothing may follow.
  public mutating func finish() throws {
    let start = UInt64(offset)
    for entry in entries { try emit(ZipWriter.centralHeader(entry)) }
    try emit(ZipWriter.endRecords(count: UInt64(entries.count), start: start, end: UInt64(offset)))
  }

  private mutating func emit(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try sink($0) }
    offset += bytes.count
  }

  /// The zip64 extra field with those of the values that do not fit 32 bits; empty if all do.
  private static func zip64Field(size: UInt64, compressedSize: UInt64, offset: UInt64) -> [UInt8] {
    let limit: UInt64 = 0xffff_ffff
    let values = (size >= limit ? [size, compressedSize] : []) + (offset >= limit ? [offset] : [])
    if values.isEmpty { return [] }
    var field = ZipFieldWriter()
    field.put(ZipFormat.zip64ExtraField)
    field.put(UInt16(values.count * 8))
    for value in values { field.put(value) }
    return field.bytes
  }

  private static func localHeader(_ name: String, flags: UInt16, at offset: UInt64, zip64: [UInt8]) -> [UInt8] {
    let unpadded = offset + UInt64(ZipFormat.localHeaderSize + name.utf8.count + zip64.count + 4)
    let padding = Int((UInt64(alignment) - unpadded % UInt64(alignment)) % UInt64(alignment))
    var header = ZipFieldWriter()
    header.put(ZipFormat.localHeader)
    header.put(UInt16(0))  // version
    header.put(flags)
    header.put([UInt8](repeating: 0, count: 2 + 4 + 12))  // method, time and date, CRC-32 and sizes
    header.put(UInt16(name.utf8.count))
    header.put(UInt16(zip64.count + 4 + padding))
    header.put(name.utf8)
    header.put(zip64)
    header.put("FB".utf8)
    header.put(UInt16(padding))
    header.put([UInt8](repeating: UInt8(ascii: "Z"), count: padding))
    return header.bytes
  }

  private static func centralHeader(_ entry: Written) -> [UInt8] {
    let zip64 = zip64Field(size: entry.size, compressedSize: entry.size, offset: entry.headerOffset)
    var header = ZipFieldWriter()
    header.put(ZipFormat.centralHeader)
    header.put(UInt32(0))  // versions
    header.put(entry.flags)
    header.put([UInt8](repeating: 0, count: 2 + 4))  // method, time and date
    header.put(entry.crc32)
    header.put(UInt32(clamping: entry.size))
    header.put(UInt32(clamping: entry.size))
    header.put(UInt16(entry.name.utf8.count))
    header.put(UInt16(zip64.count))
    header.put([UInt8](repeating: 0, count: 2 + 2 + 2 + 4))  // comment, disk, attributes
    header.put(UInt32(clamping: entry.headerOffset))
    header.put(entry.name.utf8)
    header.put(zip64)
    return header.bytes
  }

  private static func endRecords(count: UInt64, start: UInt64, end: UInt64) -> [UInt8] {
    var records = ZipFieldWriter()
    records.put(ZipFormat.zip64EndRecord)
    records.put(UInt64(ZipFormat.zip64EndRecordSize - 12))
    records.put(UInt16(0x031e))  // made by
    records.put(UInt16(45))  // needed
    records.put(UInt64(0))  // disks
    records.put(count)
    records.put(count)
    records.put(end - start)
    records.put(start)
    records.put(ZipFormat.zip64Locator)
    records.put(UInt32(0))
    records.put(end)
    records.put(UInt32(1))
    records.put(ZipFormat.endRecord)
    records.put(UInt32(0))  // disks
    records.put(UInt16(clamping: count))
    records.put(UInt16(clamping: count))
    records.put(UInt32(clamping: end - start))
    records.put(UInt32(clamping: start))
    records.put(UInt16(0))
    return records.bytes
  }
}
