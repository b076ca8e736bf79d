/// All that a load needs, and what was read out of the checkpoint. Immutable; itself a blob.
public struct Manifest: Sendable, Hashable {
  /// A blob that the checkpoint needs.
  public struct Chunk: Sendable, Hashable {
    /// The SHA-256 of its content.
    public var digest: Digest
    /// How many bytes it has.
    public var length: Int
    /// The pack it lay in when this was saved, as a position in ``Manifest/packs``; nil if it had a file of its own.
    public var pack: Int?
    /// The CRC-32 of its content: a zip container can be put together around the bytes without reading them first.
    public var crc32: UInt32

    /// Makes a chunk from its parts.
    public init(digest: Digest, length: Int, pack: Int? = nil, crc32: UInt32) {
      self.digest = digest
      self.length = length
      self.pack = pack
      self.crc32 = crc32
    }
  }

  /// One storage's bytes: its chunks, one after the other.
  public struct Storage: Sendable, Hashable {
    /// Positions in ``Manifest/chunks``.
    public var chunks: [Int]
    /// How many bytes it has.
    public var size: Int
  }

  /// Bytes kept in the manifest itself, or, over 64 KiB, as a storage like any other.
  public enum Bytes: Sendable, Hashable {
    case inline([UInt8])
    /// A position in ``Manifest/storages``.
    case storage(Int)
  }

  /// One file of a checkpoint that was saved from files.
  public struct File: Sendable, Hashable {
    /// Its path below the directory that was saved, with `/` between the parts; empty for a single file.
    public var path: String
    /// How many bytes it has.
    public var size: Int
    /// Its modification time in seconds since 1970.
    public var modified: Int
    /// The rest of the modification time, in nanoseconds.
    public var modifiedNanoseconds: Int
    /// `pytorch`, `safetensors` or `opaque`.
    public var format: String
    /// Its bytes in order.
    public var segments: [Bytes]

    /// Makes a file from its parts.
    public init(
      path: String, size: Int, modified: Int, modifiedNanoseconds: Int, format: String, segments: [Bytes]
    ) {
      self.path = path
      self.size = size
      self.modified = modified
      self.modifiedNanoseconds = modifiedNanoseconds
      self.format = format
      self.segments = segments
    }
  }

  /// How the checkpoint came in, and so how it goes out.
  public enum Content: Sendable, Hashable {
    /// A state in memory: a pickle with persistent ids, in which storage key `n` is storage `n` of the manifest.
    case state(skeleton: Bytes)
    /// Files: a single one, whose path is empty, or those of a directory.
    case files([File])
  }

  /// How the checkpoint came in.
  public var content: Content
  /// The named tensors.
  public var tensors: [TensorEntry]
  /// What was read out of the checkpoint: epoch, hyper-parameters …
  public var metadata: [String: JSONValue]
  /// The storages.
  public var storages: [Storage]
  /// The distinct blobs of all storages.
  public var chunks: [Chunk]
  /// The packs that small blobs lay in.
  public var packs: [Digest]

  /// The CRC-32 of a storage's bytes, put together from those of its chunks.
  public func crc32(ofStorage index: Int) -> UInt32 {
    storages[index].chunks.reduce(0) { sum, chunk in
      Checksum.combine(sum, chunks[chunk].crc32, length: chunks[chunk].length)
    }
  }

  /// The checkpoint's bytes, as a file or in memory would have them: storages, skeleton and literals.
  public var size: Int {
    var sum = 0
    switch content {
    case .state(let skeleton):
      for storage in storages { sum += storage.size }
      if case .inline(let bytes) = skeleton { sum += bytes.count }
    case .files(let files):
      for file in files { sum += file.size }
    }
    return sum
  }
}
