import CairnCore
import CairnFormats

/// The tensors of one checkpoint, stored or in a file that is not saved, and their bytes on demand.
///
/// Of a stored one this is what its manifest says. A file is read through once, so that its bytes can be told by their
/// digests, in pieces as a repository would cut them.
public struct TensorCatalog: Sendable {
  /// A stretch of a storage whose digest is known.
  struct Chunk: Sendable, Hashable {
    var digest: Digest
    var length: Int
  }

  enum Bytes: Sendable {
    case stored(StoredCheckpoint)
    case file(FileSource, extents: [FileLayout.Extent], chunks: [[Chunk]])
  }

  /// `path@version`, or the file's path.
  public let name: String
  /// The stored checkpoint; nil for a file.
  public let record: CheckpointRecord?
  /// The tensors, in the order of the checkpoint.
  public let tensors: [TensorEntry]
  /// What is known of the checkpoint beside its tensors, by dotted name; see ``MetadataDifference``.
  public let properties: [String: JSONValue]
  let bytes: Bytes
  /// The storages whose numbers lie in the other byte order than this machine's.
  let swapped: Set<Int>

  init(
    name: String, record: CheckpointRecord?, tensors: [TensorEntry], properties: [String: JSONValue], bytes: Bytes,
    swapped: Set<Int>
  ) {
    self.name = name
    self.record = record
    self.tensors = tensors
    self.properties = properties
    self.bytes = bytes
    self.swapped = swapped
  }

  /// The chunks of a storage; empty if there is no such storage.
  func chunks(ofStorage index: Int) -> [Chunk] {
    switch bytes {
    case .stored(let stored):
      guard stored.manifest.storages.indices.contains(index) else { return [] }
      return stored.manifest.storages[index].chunks.map {
        Chunk(digest: stored.manifest.chunks[$0].digest, length: stored.manifest.chunks[$0].length)
      }
    case .file(_, _, let chunks): return chunks.indices.contains(index) ? chunks[index] : []
    }
  }

  /// How many bytes a storage has; nil if there is no such storage.
  func size(ofStorage index: Int) -> Int? {
    switch bytes {
    case .stored(let stored):
      return stored.manifest.storages.indices.contains(index) ? stored.manifest.storages[index].size : nil
    case .file(_, let extents, _): return extents.indices.contains(index) ? extents[index].length : nil
    }
  }

  /// Where a tensor's elements lie. Throws ``TensorError`` if that is nowhere in its storage.
  func view(_ entry: TensorEntry) throws(TensorError) -> ElementView {
    guard let size = size(ofStorage: entry.storage) else {
      throw TensorError("\(name): \(entry.name) lies in a storage that is not there")
    }
    return try ElementView(entry, storageSize: size)
  }

  /// A tensor's elements. `verify` checks the digest of every blob that is read of a stored one.
  func source(_ entry: TensorEntry, verify: Bool) throws(TensorError) -> ElementSource {
    let storage = entry.storage
    let bytes = bytes
    return ElementSource(
      view: try view(entry), isSwapped: swapped.contains(storage),
      stream: { bytes.stream(storage, verify: verify) }, memory: { try bytes.memory(storage, verify: verify) })
  }

  /// Whether a blob is one of this stored checkpoint's.
  func holds(_ blob: Digest) -> Bool {
    guard case .stored(let stored) = bytes else { return false }
    return stored.manifest.chunks.contains { $0.digest == blob }
  }

  /// Throws ``CairnError/Kind/changed`` if this is a file that was written to since it was opened.
  func checkUnchanged() throws {
    guard case .file(let source, _, _) = bytes else { return }
    do {
      try source.checkUnchanged()
    } catch let error as FileSourceError {
      throw CairnError(.changed, error.description)
    }
  }
}

extension TensorCatalog.Bytes {
  func stream(_ storage: Int, verify: Bool) -> any ByteSource {
    switch self {
    case .stored(let stored): stored.source(storage: storage, verify: verify)
    case .file(let source, let extents, _):
      RangeSource(whole: source, offset: extents[storage].offset, size: extents[storage].length)
    }
  }

  /// Mapped if it can be. Of a file, which somebody may cut short at any time, a copy.
  func memory(_ storage: Int, verify: Bool) throws -> MemoryRegion {
    switch self {
    case .stored(let stored):
      if verify { try Self.check(stored, storage) }
      guard let region = try stored.storages([storage], .mapped).first else {
        throw CairnError(.missing, "\(stored.name): has no storage \(storage)")
      }
      return region
    case .file(let source, let extents, _):
      let region = try MemoryRegion.allocate(extents[storage].length)
      if region.byteCount > 0 { try source.read(into: region.bytes, at: extents[storage].offset) }
      return region
    }
  }

  private static func check(_ stored: StoredCheckpoint, _ storage: Int) throws {
    let chunks = stored.manifest.storages[storage].chunks
    let longest = chunks.map { stored.manifest.chunks[$0].length }.max() ?? 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(longest, 1), alignment: 4_096)
    defer { buffer.deallocate() }
    for chunk in chunks {
      let length = stored.manifest.chunks[chunk].length
      try stored.read(
        chunk, of: storage, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]), verify: true)
    }
  }
}
