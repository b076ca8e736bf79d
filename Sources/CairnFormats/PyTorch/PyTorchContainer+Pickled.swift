import CairnCore

/// What the pickle of a container says of its storages and tensors; what a pickle reader has to find out.
struct PickledTensors {
  struct Storage {
    /// The name of its record below `data/`.
    var key: String
    /// The bytes that the pickle says it has.
    var byteCount: Int
  }

  var storages: [Storage]
  /// ``TensorEntry/storage`` is a position in ``storages``.
  var tensors: [TensorEntry]
  var metadata: [String: JSONValue]
}

extension PyTorchContainer {
  /// The layout of the file, with what its pickle says checked against its records.
  ///
  /// All stored records below `data/` are storages of the layout, whether a tensor uses them or not. Tensors in a
  /// compressed record are left out.
  func layout(path: String, _ pickled: PickledTensors) throws -> FileLayout {
    let ordered = storages.sorted { $0.value.offset < $1.value.offset }
    let positions = Dictionary(uniqueKeysWithValues: ordered.enumerated().map { ($1.key, $0) })
    for storage in pickled.storages where !compressedStorages.contains(storage.key) {
      guard let extent = storages[storage.key] else {
        throw FormatError(
          .pytorch, path: path, "record \(recordName(storage.key)) is missing, though the pickle refers to it")
      }
      guard extent.length >= storage.byteCount else {
        throw FormatError(
          .pytorch, path: path,
          "record \(recordName(storage.key)) has \(extent.length) bytes, the pickle says \(storage.byteCount)")
      }
    }

    var tensors: [TensorEntry] = []
    tensors.reserveCapacity(pickled.tensors.count)
    for var tensor in pickled.tensors {
      guard pickled.storages.indices.contains(tensor.storage) else {
        throw FormatError(.pytorch, path: path, "tensor \(tensor.name) refers to a storage that is not there")
      }
      let key = pickled.storages[tensor.storage].key
      guard let position = positions[key] else { continue }
      let length = ordered[position].value.length
      guard let end = tensor.byteEnd, end <= length else {
        throw FormatError(
          .pytorch, path: path,
          "record \(recordName(key)) has \(length) bytes, too few for tensor \(tensor.name) of shape \(tensor.shape)")
      }
      tensor.storage = position
      tensors.append(tensor)
    }

    var metadata = pickled.metadata
    if byteOrder == .big { metadata["byteorder"] = .string(byteOrder.rawValue) }
    return FileLayout(
      format: .pytorch, storages: ordered.map(\.value), tensors: tensors, metadata: metadata)
  }

  private func recordName(_ key: String) -> String { "\(archiveName)/data/\(key)" }
}

extension TensorEntry {
  /// Where the last of its elements ends in the storage, in bytes; nil if that is no possible place.
  var byteEnd: Int? {
    guard byteOffset >= 0, shape.count == strides.count, shape.allSatisfy({ $0 >= 0 }),
      strides.allSatisfy({ $0 >= 0 })
    else { return nil }
    if shape.contains(0) { return 0 }
    var last = 0
    for (count, stride) in zip(shape, strides) {
      let (step, stepOverflow) = (count - 1).multipliedReportingOverflow(by: stride)
      let (sum, sumOverflow) = last.addingReportingOverflow(step)
      guard !stepOverflow, !sumOverflow else { return nil }
      last = sum
    }
    let dtype = DType(rawValue: dtype)
    // Of the quantised types with several elements in a byte, PyTorch counts elements.
    switch dtype {
    case .quint4x2: last /= 2
    case .quint2x4: last /= 4
    default: break
    }
    let (elements, elementsOverflow) = last.addingReportingOverflow(1)
    let (bytes, bytesOverflow) = elements.multipliedReportingOverflow(by: dtype?.itemSize ?? 1)
    let (end, endOverflow) = bytes.addingReportingOverflow(byteOffset)
    return elementsOverflow || bytesOverflow || endOverflow ? nil : end
  }
}
