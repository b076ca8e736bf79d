import CairnCore

extension PyTorchContainer {
  /// Where the storages of the container lie, and which tensors they hold; nil if it is not a PyTorch container.
  ///
  /// `read` finds out what a pickle says: its bytes, what to call the file in messages, the path it was saved as.
  static func layout(
    of source: some ByteSource, savedAs path: String?,
    reading read: ([UInt8], String, String?) throws -> PickledTensors
  ) throws -> FileLayout? {
    guard let container = try PyTorchContainer(source) else { return nil }
    return try container.layout(path: source.name, read(container.pickle, source.name, path))
  }
}
