import CairnCore
import CairnFormats

/// Loads a state from a PyTorch file as the repository keeps it: segments put together, storages straight from blobs.
struct PyTorchFileLoader: Sendable {
  /// `data.pkl`.
  let pickle: [UInt8]
  /// What it says; its storages are those that it names.
  let contents: PyTorchContents
  private let stored: StoredCheckpoint
  private let isBigEndian: Bool
  /// The manifest's storage for each of ``contents``'; nil where it is compressed in the file.
  private let positions: [Int?]

  init(_ stored: StoredCheckpoint, _ file: Manifest.File) throws {
    let name = stored.name
    guard let container = try PyTorchContainer(FileSourceOf(source: stored.source(file: file, verify: true))) else {
      throw CairnError(.damaged, "\(name): was a PyTorch file when it was saved, and cannot be read as one")
    }
    let byOffset = Self.storagePositions(stored, file)
    self.stored = stored
    pickle = container.pickle
    contents = try PyTorchContents(reading: pickle, name: name, savedAs: nil)
    isBigEndian = container.byteOrder == .big
    positions = contents.storages.map { container.storages[$0.key].flatMap { byOffset[$0.offset] } }
  }

  func load(_ mode: LoadMode, mapLocation: MapLocation?, weightsOnly: Bool) throws -> Checkpoint {
    let name = stored.name
    let keys = contents.storages.map(\.key)
    let regions = try regions(Array(keys.indices), mode)
    let byKey = Dictionary(zip(keys, regions), uniquingKeysWith: { first, _ in first })
    return try StateDecoder.decode(
      pickle, name: name, weightsOnly: weightsOnly, mapLocation: mapLocation
    ) { key, byteCount, location in
      guard let region = byKey[key] else {
        throw CairnError(.damaged, "\(name): its pickle names a storage \(key) that it does not have")
      }
      return TensorStorage(region, prefix: byteCount, location: location)
    }
  }

  /// Loads storages, given by their places in ``contents``, their bytes in this machine's order.
  func regions(_ indexes: [Int], _ mode: LoadMode) throws -> [MemoryRegion] {
    let wanted = try indexes.map { try position($0) }
    // Swapping bytes would write to a mapping's every page: copying is no slower.
    let regions = try stored.regions(wanted, isBigEndian ? .copied : mode)
    if isBigEndian { for (index, region) in zip(indexes, regions) { swap(region, storage: index) } }
    return regions
  }

  /// The manifest's storage of one of ``contents``'; throws if it is not in the file as it is.
  func position(_ index: Int) throws -> Int {
    guard let position = positions[index] else {
      throw CairnError(
        .invalid,
        "\(stored.name): the storage \(contents.storages[index].key) is compressed in the file, and cannot be loaded "
          + "from it", advice: "`cairn restore` gives the file back")
    }
    return position
  }

  /// Whether the bytes of a storage lie in the file in the other order than this machine's.
  func isSwapped(_ index: Int) -> Bool { isBigEndian && componentSize(index) > 1 }

  /// The manifest's storages by where they lie in the file.
  private static func storagePositions(_ stored: StoredCheckpoint, _ file: Manifest.File) -> [Int: Int] {
    var positions: [Int: Int] = [:]
    var offset = 0
    for segment in file.segments {
      switch segment {
      case .inline(let bytes): offset += bytes.count
      case .storage(let position):
        // Of an empty storage and one that starts where it ends, the map has to tell them apart by size.
        let size = stored.manifest.storages[position].size
        if size > 0 || positions[offset] == nil { positions[offset] = position }
        offset += size
      }
    }
    return positions
  }

  /// Turns the elements of a storage round, of whatever type the pickle says they are.
  private func swap(_ region: MemoryRegion, storage index: Int) {
    let size = componentSize(index)
    guard size > 1 else { return }
    for start in stride(from: 0, to: region.byteCount - size + 1, by: size) {
      region.bytes[start..<start + size].reverse()
    }
  }

  private func componentSize(_ index: Int) -> Int {
    let dtype =
      contents.storages[index].dtype
      ?? contents.tensors.first { $0.storage == index }.flatMap { DType(rawValue: $0.dtype) }
    return dtype?.componentSize ?? 1
  }
}

/// A source of a type of its own, since the readers of formats want one.
private struct FileSourceOf: ByteSource {
  let source: any ByteSource
  var name: String { source.name }
  var size: Int { source.size }
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    try source.read(into: buffer, at: offset)
  }
}

extension DType {
  /// Bytes of the numbers that an element is made of: a complex one is made of two.
  fileprivate var componentSize: Int {
    switch self {
    case .complex32, .complex64, .complex128: itemSize / 2
    default: itemSize
    }
  }
}
