import CairnCore
import CairnFormats

/// A file that is being saved: what it holds, read without loading it.
struct CheckpointFile {
  let source: FileSource
  let layout: FileLayout
  let metrics: [String: Double]
  /// The order of the bytes in the numbers of its storages.
  let byteOrder: PyTorchContainer.ByteOrder

  /// Reads the file at `path`.
  ///
  /// - Parameters:
  ///   - name: The absolute path by which a Lightning checkpoint knows its own metrics.
  ///   - opaque: Do not look into it.
  ///   - keepsOpen: Whether it stays open until it is saved.
  init(path: String, opaque: Bool, keepsOpen: Bool = true) throws {
    source = try FileSource(path: path, keepsOpen: keepsOpen)
    if let pointer = try Pointer.read(source) {
      throw CairnError(
        .invalid, "\(path): is a pointer to \(pointer.name), which is in a repository already: nothing was saved",
        advice: "`cairn cp` makes a version of its own of it, `cairn restore` a real file that can be saved")
    }
    guard !opaque else {
      layout = FileLayout(format: .opaque, storages: [], tensors: [], metadata: [:])
      metrics = [:]
      byteOrder = .little
      return
    }
    let savedAs = PathName.absolute(path)
    do {
      if let container = try PyTorchContainer(source) {
        let contents = try PyTorchContents(reading: container.pickle, name: path, savedAs: savedAs)
        layout = try container.layout(of: contents, name: path)
        metrics = try Self.metrics(contents, container, source)
        byteOrder = container.byteOrder
      } else {
        layout = try FileLayout.read(source, savedAs: savedAs)
        metrics = [:]
        byteOrder = .little
      }
    } catch let error as FormatError {
      throw CairnError(
        .damaged, error.description,
        advice: "nothing was saved; if the file is as it should be, --opaque saves its bytes without looking into it")
    }
  }

  private static func metrics(
    _ contents: PyTorchContents, _ container: PyTorchContainer, _ source: FileSource
  ) throws -> [String: Double] {
    var metrics: [String: Double] = [:]
    for (name, value) in contents.metrics {
      switch value {
      case .number(let number): metrics[name] = number
      case .tensor(let tensor):
        guard let extent = container.storages[contents.storages[tensor.storage].key],
          let dtype = DType(rawValue: tensor.dtype), extent.length - tensor.byteOffset >= dtype.itemSize
        else { continue }
        var bytes = try source.bytes(at: extent.offset + tensor.byteOffset, count: dtype.itemSize)
        if container.byteOrder == .big { bytes.reverse() }
        metrics[name] = bytes.withUnsafeBytes { dtype.number(in: $0) }
      }
    }
    return metrics
  }
}
