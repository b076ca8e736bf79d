import CairnCore
import CairnFormats

/// Loads a state from a PyTorch file as the repository keeps it: segments put together, storages straight from blobs.
struct PyTorchFileLoader {
  private let stored: StoredCheckpoint
  private let file: Manifest.File

  init(_ stored: StoredCheckpoint, _ file: Manifest.File) {
    self.stored = stored
    self.file = file
  }

  func load(_ mode: LoadMode, mapLocation: MapLocation?, weightsOnly: Bool) throws -> Checkpoint {
    let name = stored.name
    guard let container = try PyTorchContainer(FileSourceOf(source: stored.source(file: file, verify: true))) else {
      throw CairnError(.damaged, "\(name): was a PyTorch file when it was saved, and cannot be read as one")
    }
    let contents = try PyTorchContents(reading: container.pickle, name: name, savedAs: nil)
    let positions = storagePositions()
    let keys = contents.storages.map(\.key)
    let wanted = try keys.map { key in
      guard let extent = container.storages[key], let position = positions[extent.offset] else {
        throw CairnError(
          .invalid, "\(name): the storage \(key) is compressed in the file, and cannot be loaded from it",
          advice: "`cairn restore` gives the file back")
      }
      return position
    }
    // Swapping bytes would write to a mapping's every page: copying is no slower.
    let isBig = container.byteOrder == .big
    let regions = try stored.regions(wanted, isBig ? .copied : mode)
    if isBig { for (index, region) in regions.enumerated() { swap(region, contents, storage: index) } }
    let byKey = Dictionary(zip(keys, regions), uniquingKeysWith: { first, _ in first })
    return try StateDecoder.decode(
      container.pickle, name: name, weightsOnly: weightsOnly, mapLocation: mapLocation
    ) { key, byteCount, location in
      guard let region = byKey[key] else {
        throw CairnError(.damaged, "\(name): its pickle names a storage \(key) that it does not have")
      }
      // A record may be longer than what the pickle says of it.
      guard region.byteCount > byteCount else { return TensorStorage(region, location: location) }
      return TensorStorage(
        wrapping: UnsafeMutableRawBufferPointer(rebasing: region.bytes[..<byteCount]), location: location
      ) { [region] in _ = region }
    }
  }

  /// The manifest's storages by where they lie in the file.
  private func storagePositions() -> [Int: Int] {
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
  private func swap(_ region: MemoryRegion, _ contents: PyTorchContents, storage index: Int) {
    let dtype =
      contents.storages[index].dtype
      ?? contents.tensors.first { $0.storage == index }.flatMap { DType(rawValue: $0.dtype) }
    guard let dtype, dtype.componentSize > 1 else { return }
    let size = dtype.componentSize
    for start in stride(from: 0, to: region.byteCount - size + 1, by: size) {
      region.bytes[start..<start + size].reverse()
    }
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
