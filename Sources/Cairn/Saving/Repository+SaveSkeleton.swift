import CairnCore
import CairnFormats

extension Repository {
  /// Saves a state that somebody else has taken apart: a pickle with persistent ids, as `data.pkl` in PyTorch's
  /// container, and the storages that these name.
  ///
  /// The storage with the key `"0"` is the first of `storages`, `"1"` the second. Names of tensors, metadata, and what
  /// the request does not give of step, epoch and metrics are read out of the pickle. One that Cairn cannot read (it
  /// runs nothing, so Python can build what it cannot follow) is saved all the same, without these and with a warning.
  /// What it numbers and never refers to is left out of it: see ``/CairnFormats/PickleReader/readAndOptimize(_:name:)``.
  ///
  /// - Parameter file: The path by which a Lightning state knows its own metrics; nil for none.
  ///
  /// Throws ``CairnError``: ``CairnError/Kind/invalid`` if the pickle names a storage that is not there, or is shorter
  /// than it says.
  public func save(
    skeleton: [UInt8], storages: [any ByteSource], savedAs file: String? = nil, _ request: SaveRequest
  ) throws -> SaveReport {
    var content = CheckpointContent(
      content: .state(skeleton: .inline(skeleton)), tensors: [], metadata: [:], sources: storages)
    var request = request
    var warnings: [String] = []
    do {
      let (pickle, optimized) = try PickleReader.readAndOptimize(skeleton, name: request.path)
      let contents = try PyTorchContents(PyTorchGraph(pickle, path: request.path), savedAs: file)
      content.content = .state(skeleton: .inline(optimized))
      let positions = try contents.storages.map { try Self.position(of: $0, in: storages, request.path) }
      func moved(_ entry: TensorEntry) -> TensorEntry {
        var entry = entry
        entry.storage = positions[entry.storage]
        return entry
      }
      content.tensors = contents.tensors.map(moved)
      content.metadata = contents.metadata
      request.step = request.step ?? contents.step
      request.epoch = request.epoch ?? contents.epoch
      for (name, value) in contents.metrics where request.metrics[name] == nil {
        switch value {
        case .number(let number): request.metrics[name] = number
        case .tensor(let entry): request.metrics[name] = try Self.number(moved(entry), storages)
        }
      }
    } catch let error as FormatError {
      warnings.append("saved whole, but without the names of its tensors: \(error.problem)")
    }
    var report = try save(content, request)
    report.warnings = warnings + report.warnings
    return report
  }

  private static func position(
    of reference: PyTorchContents.StorageRef, in storages: [any ByteSource], _ path: String
  ) throws -> Int {
    // Only as it is written: "01" and "+1" are other keys than "1", and would not be found again.
    guard let position = Int(reference.key), storages.indices.contains(position), String(position) == reference.key
    else {
      throw CairnError(
        .invalid,
        "\(path): the state refers to a storage \(reference.key.prefix(64)), and \(storages.count) were given",
        advice: "keys are \"0\", \"1\" … in the order in which storages are added")
    }
    guard storages[position].size >= reference.byteCount else {
      throw CairnError(
        .invalid,
        "\(path): storage \(position) has \(storages[position].size) bytes, and the state says \(reference.byteCount)")
    }
    return position
  }

  /// The first element of a tensor as a number; nil for types that are none.
  private static func number(_ entry: TensorEntry, _ storages: [any ByteSource]) throws -> Double? {
    guard let dtype = DType(rawValue: entry.dtype), entry.byteOffset >= 0,
      storages[entry.storage].size - entry.byteOffset >= dtype.itemSize
    else { return nil }
    let bytes = try storages[entry.storage].bytes(at: entry.byteOffset, count: dtype.itemSize)
    return bytes.withUnsafeBytes { dtype.number(in: $0) }
  }
}
