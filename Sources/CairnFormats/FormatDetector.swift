import CairnCore

extension FileLayout {
  /// Tells the format of a file from its content, and reads its layout.
  ///
  /// A zip archive with a `data.pkl` in its place is a PyTorch container; what begins as safetensors and reads as it
  /// is that; all else is opaque, one literal. A file that begins as a zip archive and has no end, and one called
  /// `.safetensors` that does not read as it, is an error: most likely it was being written, and half a checkpoint
  /// must not pass for a whole one.
  ///
  /// `path` is where the file was saved: its name counts for safetensors, and a checkpoint finds its own metrics by it.
  /// Throws ``FormatError``, and what the source throws.
  public static func read(_ source: some ByteSource, savedAs path: String?) throws -> FileLayout {
    try read(source, savedAs: path, pickle: PickledTensors.init(reading:name:savedAs:))
  }

  static func read(
    _ source: some ByteSource, savedAs path: String?, pickle read: ([UInt8], String, String?) throws -> PickledTensors
  ) throws -> FileLayout {
    if try ZipDirectory.isLikely(source) {
      return try PyTorchContainer.layout(of: source, savedAs: path, reading: read) ?? .opaque
    }
    if (path ?? source.name).hasSuffix(".safetensors") { return try Safetensors.layout(of: source) }
    if try Safetensors.isLikely(source) {
      do {
        return try Safetensors.layout(of: source)
      } catch is FormatError {
        return .opaque
      }
    }
    return .opaque
  }

  /// A file of which nothing is known.
  static let opaque = FileLayout(format: .opaque, storages: [], tensors: [], metadata: [:])
}
