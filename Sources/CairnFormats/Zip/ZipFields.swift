/// Takes little-endian integers off the front of bytes; nil beyond their end.
struct ZipFields {
  let bytes: ArraySlice<UInt8>
  var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// How many bytes are left.
  var remaining: Int { bytes.endIndex - position }

  mutating func take<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type) -> Value? {
    guard let part = take(count: MemoryLayout<Value>.size) else { return nil }
    return part.reversed().reduce(Value(0)) { $0 << 8 | Value(truncatingIfNeeded: $1) }
  }

  mutating func take(count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= remaining else { return nil }
    defer { position += count }
    return bytes[position..<position + count]
  }
}

/// Puts little-endian integers together.
struct ZipFieldWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: UInt16) { append(value) }
  mutating func put(_ value: UInt32) { append(value) }
  mutating func put(_ value: UInt64) { append(value) }
  mutating func put(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  private mutating func append<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }
}

/// The numbers of PKWARE's APPNOTE.TXT that reader and writer share.
enum ZipFormat {
  static let localHeader: UInt32 = 0x0403_4b50
  static let centralHeader: UInt32 = 0x0201_4b50
  static let dataDescriptor: UInt32 = 0x0807_4b50
  static let endRecord: UInt32 = 0x0605_4b50
  static let zip64EndRecord: UInt32 = 0x0606_4b50
  static let zip64Locator: UInt32 = 0x0706_4b50

  static let localHeaderSize = 30
  static let centralHeaderSize = 46
  static let endRecordSize = 22
  static let zip64EndRecordSize = 56
  static let zip64LocatorSize = 20
  static let maximumCommentSize = 0xffff

  static let zip64ExtraField: UInt16 = 1
  /// Set where the sizes and the checksum follow the data.
  static let descriptorFlag: UInt16 = 1 << 3
  static let utf8Flag: UInt16 = 1 << 11
  /// Encrypted data (bit 0), strong encryption (6), masked headers (13).
  static let encryptionFlags: UInt16 = 1 << 0 | 1 << 6 | 1 << 13
}

/// What a zip entry may be called.
enum ZipName {
  /// What is wrong with the name, or nil.
  static func problem(_ name: String) -> String? {
    if name.isEmpty { return "it is empty" }
    let bytes = name.utf8
    if bytes.count > 0xffff { return "it is longer than 65,535 bytes" }
    if bytes.contains(0) { return "it holds a NUL" }
    if bytes.contains(UInt8(ascii: "\\")) { return "it holds a backslash" }
    if bytes.first == UInt8(ascii: "/") { return "it is an absolute path" }
    if bytes.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) }) {
      return "it has a component .."
    }
    return nil
  }
}
