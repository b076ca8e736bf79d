import CairnCore
import CairnFormats

/// A stored checkpoint as an unpickler wants it: a pickle with persistent ids, and storages by the keys in these.
///
/// A state and a PyTorch file have both. Of anything else there are the storages only, with their positions as keys.
public struct KeyedCheckpoint: Sendable {
  /// A storage and what it is called.
  public struct Storage: Sendable, Hashable {
    /// The key in the pickle's persistent ids.
    public var key: String
    /// How many bytes it has.
    public var byteCount: Int
    /// The position in the manifest; nil where it cannot be loaded (compressed in its file).
    public var position: Int?
  }

  private enum Kind {
    case state(skeleton: Manifest.Bytes)
    case pytorch(PyTorchFileLoader)
    case other
  }

  /// What is stored.
  public let stored: StoredCheckpoint
  /// The storages, a skeleton's own left out.
  public let storages: [Storage]
  private let kind: Kind
  private let indexes: [String: Int]

  /// Looks at what is stored. Of a PyTorch file this reads the pickle; throws ``FormatError`` if that is broken, and
  /// ``CairnError`` if a blob is missing or damaged.
  public init(_ stored: StoredCheckpoint) throws {
    self.stored = stored
    switch stored.manifest.content {
    case .state(let skeleton):
      var positions = Array(stored.manifest.storages.indices)
      if case .storage(let own) = skeleton { positions.removeAll { $0 == own } }
      kind = .state(skeleton: skeleton)
      storages = Self.byPosition(positions, stored)
    case .files(let files) where files.count == 1 && files[0].format == FileLayout.Format.pytorch.rawValue:
      let loader = try PyTorchFileLoader(stored, files[0])
      kind = .pytorch(loader)
      storages = loader.contents.storages.enumerated().map { index, storage in
        Storage(key: storage.key, byteCount: storage.byteCount, position: try? loader.position(index))
      }
    case .files:
      kind = .other
      storages = Self.byPosition(Array(stored.manifest.storages.indices), stored)
    }
    indexes = Dictionary(zip(storages.map(\.key), storages.indices), uniquingKeysWith: { first, _ in first })
  }

  private static func byPosition(_ positions: [Int], _ stored: StoredCheckpoint) -> [Storage] {
    positions.map {
      Storage(key: String($0), byteCount: stored.manifest.storages[$0].size, position: $0)
    }
  }

  /// Whether it has a pickle: it is a saved state or a PyTorch file.
  public var hasPickle: Bool {
    if case .other = kind { false } else { true }
  }

  /// The pickle, its digest checked. Throws ``CairnError/Kind/invalid`` for a checkpoint that has none.
  public func skeleton() throws -> [UInt8] {
    switch kind {
    case .state(let skeleton): return try stored.bytes(skeleton)
    case .pytorch(let loader): return loader.pickle
    case .other:
      throw CairnError(
        .invalid, "\(stored.name): is kept as files that hold no pickled state",
        advice: "load its tensors by name, or get the files back with `cairn restore`")
    }
  }

  /// The devices that the storages were saved from, by key; without those that a pickle which cannot be read names.
  public func locations() throws -> [String: String] {
    let references: [PyTorchContents.StorageRef]
    switch kind {
    case .state(let skeleton):
      let bytes = try stored.bytes(skeleton)
      guard let pickle = try? PickleReader.read(bytes, name: stored.name),
        let graph = try? PyTorchGraph(pickle, path: stored.name)
      else { return [:] }
      references = graph.storages
    case .pytorch(let loader): references = loader.contents.storages
    case .other: return [:]
    }
    return Dictionary(references.map { ($0.key, $0.location) }, uniquingKeysWith: { first, _ in first })
  }

  /// The keys of storages by their positions in the manifest: what tensors' storages are called.
  public var keysByPosition: [Int: String] {
    Dictionary(
      storages.compactMap { storage in storage.position.map { ($0, storage.key) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Loads storages, on several threads, in the order of `keys`; each with the number of its bytes that count, since a
  /// record in a file may be longer than its storage.
  public func regions(_ keys: [String], _ mode: LoadMode) throws -> [(region: MemoryRegion, byteCount: Int)] {
    let indexes = try keys.map { try index($0) }
    let regions: [MemoryRegion]
    if case .pytorch(let loader) = kind {
      regions = try loader.regions(indexes, mode)
    } else {
      regions = try stored.regions(indexes.compactMap { storages[$0].position }, mode)
    }
    return zip(indexes, regions).map { ($1, min(storages[$0].byteCount, $1.byteCount)) }
  }

  /// Fills `buffer` with the bytes of a storage from `offset` on; `verify` checks the digest of each blob touched.
  public func read(_ key: String, into buffer: UnsafeMutableRawBufferPointer, at offset: Int, verify: Bool) throws {
    let index = try index(key)
    guard offset >= 0, offset <= storages[index].byteCount, buffer.count <= storages[index].byteCount - offset else {
      throw CairnError(
        .invalid,
        "\(stored.name): \(buffer.count) bytes from \(offset) of the storage \(key), which has "
          + "\(storages[index].byteCount)")
    }
    var position = storages[index].position
    if case .pytorch(let loader) = kind {
      position = try loader.position(index)
      guard !loader.isSwapped(index) else {
        throw CairnError(
          .invalid, "\(stored.name): the file is big-endian, so a part of a storage cannot be read by itself",
          advice: "load the whole storage")
      }
    }
    guard let position, !buffer.isEmpty else { return }
    try stored.source(storage: position, verify: verify).read(into: buffer, at: offset)
  }

  private func index(_ key: String) throws -> Int {
    guard let index = indexes[key] else {
      throw CairnError(.notFound, "\(stored.name): has no storage \(key.prefix(64))")
    }
    return index
  }
}
