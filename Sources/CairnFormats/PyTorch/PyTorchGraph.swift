/// A PyTorch container's pickle with its storages told apart: what names, metadata and values are read from.
package struct PyTorchGraph: Sendable {
  package let pickle: PickleGraph
  /// What to call the file in errors.
  package let path: String
  /// The storages, unique by key, in the order in which the pickle names them first.
  package let storages: [PyTorchContents.StorageRef]
  /// The nodes that are storages. A pickle has one for each tensor, and they are asked for again and again.
  private let storageNodes: [PickleGraph.ID: (position: Int, dtype: DType?)]
  /// The nodes that are functions which make tensors.
  private let tensorFunctions: Set<PickleGraph.ID>

  /// Finds the storages of `pickle`.
  ///
  /// - Throws: ``FormatError`` for a persistent id that is no storage, or a storage of two sizes.
  package init(_ pickle: PickleGraph, path: String) throws(FormatError) {
    self.pickle = pickle
    self.path = path
    var storages: [PyTorchContents.StorageRef] = []
    var positions: [String: Int] = [:]
    var storageNodes: [PickleGraph.ID: (position: Int, dtype: DType?)] = [:]
    var tensorFunctions: Set<PickleGraph.ID> = []
    for (node, value) in pickle.nodes.enumerated() {
      if case .global(let function) = value, Self.functions.contains(function) { tensorFunctions.insert(node) }
      guard case .persistentID(let id) = value else { continue }
      let found = try Self.storage(pickle, id, path)
      storageNodes[node] = (positions[found.key] ?? storages.count, found.dtype)
      if let known = positions[found.key] {
        guard storages[known].byteCount == found.byteCount else {
          throw FormatError(
            .pytorch, path: path,
            "storage \(found.key) has both \(storages[known].byteCount) and \(found.byteCount) bytes")
        }
      } else {
        positions[found.key] = storages.count
        storages.append(found)
      }
    }
    self.storages = storages
    self.storageNodes = storageNodes
    self.tensorFunctions = tensorFunctions
  }

  /// Whether a call of `callable` makes a tensor.
  package func makesTensor(_ callable: PickleGraph.ID) -> Bool { tensorFunctions.contains(callable) }

  /// The storage that node `id` is, by its position, and the element type that the pickle reads it as (nil: bytes);
  /// nil if the node is no storage.
  package func storage(at id: PickleGraph.ID) -> (position: Int, dtype: DType?)? { storageNodes[id] }

  /// Reads `("storage", class, key, location, elements)` (torch/serialization.py, `persistent_id`).
  private static func storage(
    _ pickle: PickleGraph, _ id: PickleGraph.ID, _ path: String
  ) throws(FormatError) -> PyTorchContents.StorageRef {
    guard case .tuple(let parts) = pickle[id], parts.count == 5, text(pickle, parts[0]) == "storage" else {
      throw FormatError(.pytorch, path: path, "the pickle refers to something other than a storage by a persistent id")
    }
    var key = text(pickle, parts[2])
    if case .int(let number) = pickle[parts[2]] { key = String(number) }
    guard let key else { throw FormatError(.pytorch, path: path, "a storage has no key") }
    guard case .global(let type) = pickle[parts[1]], let location = text(pickle, parts[3]),
      case .int(let count) = pickle[parts[4]], count >= 0
    else { throw FormatError(.pytorch, path: path, "storage \(key) has no class, location or size") }
    let dtype = DType(storageClass: type.name)
    let isUntyped = ["UntypedStorage", "_UntypedStorage"].contains(type.name)
    guard dtype != nil || isUntyped, type.module == "torch" || type.module.hasPrefix("torch.") else {
      throw FormatError(.pytorch, path: path, "storage \(key) has the unknown class \(type)")
    }
    let (byteCount, overflows) = Int(count).multipliedReportingOverflow(by: dtype?.itemSize ?? 1)
    guard !overflows else { throw FormatError(.pytorch, path: path, "storage \(key) is too large: \(count) elements") }
    return PyTorchContents.StorageRef(
      key: key, dtype: dtype, location: location, elementCount: Int(count), byteCount: byteCount)
  }

  private static func text(_ pickle: PickleGraph, _ id: PickleGraph.ID) -> String? {
    switch pickle[id] {
    case .string(let text): text
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }
}
