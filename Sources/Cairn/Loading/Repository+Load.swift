import CairnCore
import CairnFormats

extension Repository {
  /// Loads a checkpoint: a state as it was saved; of a PyTorch file what `torch.load` would give; of a safetensors file,
  /// or a directory of them, a dictionary of tensors.
  ///
  /// Nothing is executed: an object of an unknown class comes as an ``OpaqueObject``.
  ///
  /// - Parameters:
  ///   - mapLocation: Which devices storages go to; nil for those they were saved from.
  ///   - weightsOnly: Refuse anything but tensors and primitive values.
  ///
  /// Throws ``CairnError`` (not found, removed, damaged), ``StateError`` and ``FormatError``.
  public func load(
    _ name: PathName, _ mode: LoadMode = .copied, mapLocation: MapLocation? = nil, weightsOnly: Bool = false
  ) throws -> Checkpoint {
    try withCheckpoint(name) { _, stored in
      try stored.load(mode, mapLocation: mapLocation, weightsOnly: weightsOnly)
    }
  }
}

extension StoredCheckpoint {
  /// Loads what is stored; see ``Repository/load(_:_:mapLocation:weightsOnly:)``.
  func load(_ mode: LoadMode, mapLocation: MapLocation? = nil, weightsOnly: Bool = false) throws -> Checkpoint {
    switch manifest.content {
    case .state(let skeleton):
      var positions = Array(manifest.storages.indices)
      if case .storage(let position) = skeleton { positions.removeAll { $0 == position } }
      let regions = try regions(positions, mode)
      return try StateDecoder.decode(
        bytes(skeleton), name: name, weightsOnly: weightsOnly, mapLocation: mapLocation
      ) { key, byteCount, location in
        guard let position = Int(key), regions.indices.contains(position) else {
          throw CairnError(.damaged, "\(name): its skeleton names a storage \(key) that it does not have")
        }
        return TensorStorage(regions[position], prefix: byteCount, location: location)
      }
    case .files(let files):
      return try load(files, mode, mapLocation: mapLocation, weightsOnly: weightsOnly)
    }
  }

  private func load(
    _ files: [Manifest.File], _ mode: LoadMode, mapLocation: MapLocation?, weightsOnly: Bool
  ) throws -> Checkpoint {
    if files.count == 1, files[0].format == FileLayout.Format.pytorch.rawValue {
      return try PyTorchFileLoader(self, files[0]).load(mode, mapLocation: mapLocation, weightsOnly: weightsOnly)
    }
    let isShards = files.contains { $0.format == FileLayout.Format.safetensors.rawValue }
    let others = files.filter { $0.format == FileLayout.Format.pytorch.rawValue || $0.path.hasSuffix(".distcp") }
    guard isShards, others.isEmpty else {
      throw CairnError(
        .invalid, "\(name): is kept as files that are no state in a format that Cairn loads",
        advice: "`cairn restore` gives the files back")
    }
    return try loadTensors(mode, mapLocation: mapLocation)
  }

  /// All tensors of the manifest, by name.
  private func loadTensors(_ mode: LoadMode, mapLocation: MapLocation?) throws -> Checkpoint {
    let used = Set(manifest.tensors.map(\.storage)).sorted()
    let location = mapLocation?("cpu") ?? "cpu"
    let loaded = try regions(used, mode).map { TensorStorage($0, location: location) }
    let byPosition = Dictionary(uniqueKeysWithValues: zip(used, loaded))
    var members = CheckpointDictionary()
    for entry in manifest.tensors {
      guard let dtype = DType(rawValue: entry.dtype), let storage = byPosition[entry.storage] else {
        throw CairnError(.invalid, "\(name): \(entry.name) has the unknown element type \(entry.dtype)")
      }
      members[entry.name] = .tensor(
        try Tensor(
          dtype: dtype, shape: entry.shape, strides: entry.strides, byteOffset: entry.byteOffset, storage: storage))
    }
    return .dictionary(members)
  }

  func regions(_ positions: [Int], _ mode: LoadMode) throws -> [MemoryRegion] {
    switch mode {
    case .copied: return try storages(positions, .copied(verify: true))
    case .mapped: return try storages(positions, .mapped)
    }
  }
}

extension TensorStorage {
  /// The bytes of a region that was loaded, which lives as long as the storage.
  convenience init(_ region: MemoryRegion, location: String) {
    self.init(wrapping: region.bytes, location: location) { [region] in _ = region }
  }

  /// The first bytes of a region, which may be longer than what a pickle says of the storage; all if it is shorter.
  convenience init(_ region: MemoryRegion, prefix byteCount: Int, location: String) {
    let count = max(min(byteCount, region.byteCount), 0)
    self.init(wrapping: UnsafeMutableRawBufferPointer(rebasing: region.bytes[..<count]), location: location) {
      [region] in _ = region
    }
  }
}
