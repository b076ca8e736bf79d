/// Writes the zip container that `torch.load` reads: the records that `torch.save` of PyTorch 2 writes, in its order.
///
/// Given the same pickle and storages as `torch.save`, and its serialization id, the bytes are the same too.
public struct PyTorchContainerWriter {
  /// A storage whose bytes are asked for when it is its turn.
  public struct Storage {
    /// The name that the pickle's persistent ids call it by: `0`, `1` …
    public var key: String
    /// How many bytes it has.
    public var byteCount: Int
    /// The CRC-32 of its bytes, if known; else it is summed while writing.
    public var crc32: UInt32?
    /// Gives the bytes, in pieces, to the closure it gets.
    public var write: (ZipWriter.Sink) throws -> Void

    /// Makes a storage from its parts.
    public init(key: String, byteCount: Int, crc32: UInt32? = nil, write: @escaping (ZipWriter.Sink) throws -> Void) {
      self.key = key
      self.byteCount = byteCount
      self.crc32 = crc32
      self.write = write
    }
  }

  /// The folder of the records in the archive: `torch.save` takes the file's name without its extension.
  public var archiveName: String
  /// What the record `byteorder` says of the storages.
  public var byteOrder: PyTorchContainer.ByteOrder
  /// The record `.data/serialization_id`; nil for one made of the records' names and checksums.
  public var serializationID: String?
  /// Records of others, which PyTorch does not look at; they come last.
  public var extraRecords: [(name: String, content: [UInt8])] = []

  /// Makes a writer of containers with that archive name.
  public init(
    archiveName: String = "archive", byteOrder: PyTorchContainer.ByteOrder = .little, serializationID: String? = nil
  ) {
    self.archiveName = archiveName
    self.byteOrder = byteOrder
    self.serializationID = serializationID
  }

  /// Writes the whole container to `sink`: `pickle` as `data.pkl`, the storages in the order given.
  ///
  /// Throws ``ZipWriter/EntryError`` if the archive name holds a slash or a storage does not give the bytes it
  /// announced, and what the closures throw.
  public func write(pickle: [UInt8], storages: [Storage], to sink: @escaping ZipWriter.Sink) throws {
    // PyTorch takes the part up to the first slash for the name.
    guard !archiveName.isEmpty, !archiveName.contains("/") else {
      throw ZipWriter.EntryError(name: archiveName, problem: "an archive's name is not empty and has no slash")
    }
    var zip = ZipWriter(to: sink)
    try zip.add("\(archiveName)/data.pkl", pickle)
    try zip.add("\(archiveName)/.format_version", Array("1".utf8))
    try zip.add("\(archiveName)/.storage_alignment", Array("\(ZipWriter.alignment)".utf8))
    try zip.add("\(archiveName)/byteorder", Array(byteOrder.rawValue.utf8))
    for storage in storages {
      try zip.add(
        "\(archiveName)/data/\(storage.key)", byteCount: storage.byteCount, crc32: storage.crc32, body: storage.write)
    }
    try zip.add("\(archiveName)/version", Array("3\n".utf8))
    let id = serializationID ?? PyTorchContainerWriter.serializationID(of: zip.checksums)
    try zip.add("\(archiveName)/.data/serialization_id", Array(id.utf8))
    for record in extraRecords { try zip.add("\(archiveName)/\(record.name)", record.content) }
    try zip.finish()
  }

  /// Forty digits as PyTorch's: twenty for the names, twenty for the checksums.
  ///
  /// PyTorch's own hash follows the order of a C++ hash table and cannot be had again; this one is FNV-1a.
  private static func serializationID(of records: [(name: String, crc32: UInt32)]) -> String {
    var names: UInt64 = 0xcbf2_9ce4_8422_2325
    var checksums = names
    for record in records {
      for byte in record.name.utf8 { names = (names ^ UInt64(byte)) &* 0x100_0000_01b3 }
      checksums = (checksums ^ UInt64(record.crc32)) &* 0x100_0000_01b3
    }
    return [names, checksums].map { hash in
      let digits = String(hash)
      return String(repeating: "0", count: 20 - digits.count) + digits
    }.joined()
  }
}
