/// Turns a ``Checkpoint`` into a skeleton and storages, as `torch.save` does.
///
/// The skeleton is a pickle that PyTorch reads, with `weights_only` where the state is tensors, primitive values and
/// dictionaries only. Equal states give equal bytes.
public enum StateEncoder {
  /// Encodes `checkpoint`.
  ///
  /// - Parameter path: The path it is saved at, by which a Lightning state's own metrics are found; nil for none.
  /// - Throws: ``StateError`` for a state that nests too deep, or a tensor that PyTorch's format cannot hold.
  public static func encode(_ checkpoint: Checkpoint, savedAs path: String? = nil) throws -> EncodedState {
    var builder = SkeletonBuilder()
    let graph = try builder.build(checkpoint)
    let contents = try PyTorchContents(PyTorchGraph(graph, path: path ?? "state"), savedAs: path)
    // Both list storages as they come, but the keys are what counts.
    let positions = contents.storages.map { Int($0.key) ?? 0 }
    func moved(_ entry: TensorEntry) -> TensorEntry {
      var entry = entry
      entry.storage = positions[entry.storage]
      return entry
    }
    var metrics: [String: Double] = [:]
    for (name, value) in contents.metrics {
      switch value {
      case .number(let number): metrics[name] = number
      case .tensor(let entry): metrics[name] = number(moved(entry), builder.storages)
      }
    }
    return EncodedState(
      skeleton: try PickleWriter.write(graph, name: path ?? "state"), storages: builder.storages,
      tensors: contents.tensors.map(moved), metadata: contents.metadata, metrics: metrics)
  }

  /// The first element of a tensor as a number; nil for types that are none, or have no Swift type.
  private static func number(_ entry: TensorEntry, _ storages: [TensorStorage]) -> Double? {
    guard let dtype = DType(rawValue: entry.dtype) else { return nil }
    return storages[entry.storage].withUnsafeBytes { bytes in
      dtype.number(in: UnsafeRawBufferPointer(rebasing: bytes[entry.byteOffset...]))
    }
  }
}
