/// Turns a skeleton, whoever wrote it, back into a ``Checkpoint``. Executes nothing.
public enum StateDecoder {
  /// How deep a state may nest: more than Python's pickler can write without being told to.
  public static let deepest = 1000

  /// Decodes `skeleton`.
  ///
  /// - Parameters:
  ///   - skeleton: A pickle as `data.pkl` in PyTorch's container.
  ///   - name: What to call it in errors.
  ///   - weightsOnly: Whether to refuse everything but tensors, primitive values, containers, and PyTorch's own small
  ///     values (sizes, devices, element types). Nothing is executed in either case.
  ///   - mapLocation: Which devices storages go to; nil for those they were saved from.
  ///   - storage: Gives the storage with a key, a number of bytes and a device (as mapped). Called once for each.
  /// - Throws: ``FormatError`` for a broken skeleton, ``StateError`` for one that a checkpoint cannot hold, and what
  ///   `storage` throws.
  public static func decode(
    _ skeleton: [UInt8], name: String = "state", weightsOnly: Bool = false, mapLocation: MapLocation? = nil,
    storage: (_ key: String, _ byteCount: Int, _ location: String) throws -> TensorStorage
  ) throws -> Checkpoint {
    let pickle = try PickleReader.read(skeleton, name: name)
    guard !pickle.discardsCalls else {
      throw StateError.unsupported(problem: "it changes objects by calls, which only Python can do", place: "")
    }
    let graph = try PyTorchGraph(pickle, path: name)
    let storages = try graph.storages.map { reference in
      let location = mapLocation?(reference.location) ?? reference.location
      let found = try storage(reference.key, reference.byteCount, location)
      guard found.byteCount == reference.byteCount else {
        throw StateError.storageSize(key: reference.key, expected: reference.byteCount, found: found.byteCount)
      }
      return found
    }
    var interpreter = GraphInterpreter(graph, storages: storages, weightsOnly: weightsOnly)
    return try interpreter.run()
  }
}
