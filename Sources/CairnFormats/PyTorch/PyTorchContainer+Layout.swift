import CairnCore

extension PyTorchContainer {
  /// Where the storages of the container lie, and which tensors they hold; nil if it is not a PyTorch container.
  ///
  /// All stored records below `data/` are storages of the layout, whether a tensor uses them or not; tensors in a
  /// compressed record are left out. Where the storages' byte order is big, the metadata's `byteorder` says so. `path`
  /// is where the checkpoint was saved, to find its own metrics by.
  ///
  /// Throws ``FormatError`` if it is a zip archive that is truncated, or a PyTorch container that is broken: it names
  /// the record.
  public static func layout(of source: some ByteSource, savedAs path: String?) throws -> FileLayout? {
    try layout(of: source, savedAs: path, reading: PickledTensors.init(reading:name:savedAs:))
  }

  /// The layout of the file called `name`, whose pickle says `contents`; see ``layout(of:savedAs:)``.
  public func layout(of contents: PyTorchContents, name: String) throws -> FileLayout {
    try layout(path: name, PickledTensors(contents))
  }

  /// `read` finds out what a pickle says: its bytes, what to call the file in messages, the path it was saved as.
  static func layout(
    of source: some ByteSource, savedAs path: String?,
    reading read: ([UInt8], String, String?) throws -> PickledTensors
  ) throws -> FileLayout? {
    guard let container = try PyTorchContainer(source) else { return nil }
    return try container.layout(path: source.name, read(container.pickle, source.name, path))
  }
}

extension PickledTensors {
  init(_ contents: PyTorchContents) {
    storages = contents.storages.map { Storage(key: $0.key, byteCount: $0.byteCount) }
    tensors = contents.tensors
    metadata = contents.metadata
  }

  init(reading pickle: [UInt8], name: String, savedAs path: String?) throws {
    self.init(try PyTorchContents(reading: pickle, name: name, savedAs: path))
  }
}
