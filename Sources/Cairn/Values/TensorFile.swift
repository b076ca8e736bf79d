import CairnCore
import CairnFormats

/// The formats that a single tensor is written in.
public enum TensorFileFormat: String, Sendable, CaseIterable {
  /// NumPy's `.npy`.
  case npy
  /// A safetensors file with one tensor.
  case safetensors

  /// The format that a file's name says; nil for any other ending.
  public init?(path: String) {
    guard let format = Self.allCases.first(where: { path.hasSuffix("." + $0.rawValue) }) else { return nil }
    self = format
  }
}

/// Writes one tensor to a file of its own.
struct TensorFile {
  let entry: TensorEntry
  let source: ElementSource
  let format: TensorFileFormat
  let progress: (@Sendable (Int, Int) -> Void)?
  /// Throws if what was read is not to be trusted.
  let check: () throws -> Void

  /// Returns how many bytes were written.
  func write(to output: Output) throws -> Int {
    guard let dtype = DType(rawValue: entry.dtype), dtype.elementsPerItem == 1 else { throw unsupported() }
    let body: (ZipWriter.Sink) throws -> Void
    switch format {
    case .npy:
      guard let header = NumpyHeader.bytes(dtype, shape: entry.shape) else { throw unsupported() }
      body = { sink in
        try header.withUnsafeBytes { try sink($0) }
        try elements(sink)
      }
    case .safetensors:
      guard SafetensorsWriter.holds(dtype) else { throw unsupported() }
      let tensor = SafetensorsWriter.Tensor(
        name: entry.name, dtype: dtype, shape: entry.shape, byteCount: source.view.byteCount, write: elements)
      body = { try SafetensorsWriter().write([tensor], to: $0) }
    }
    do {
      let file = try OutputFile(output.temporary)
      let sequence = SequentialOutput(file, total: source.view.byteCount, progress: progress)
      try body { try sequence.write($0) }
      try sequence.flush()
      try check()
      try file.finish()
      try output.publishFile()
      return sequence.written
    } catch {
      output.discard()
      throw error
    }
  }

  /// The elements in row-major order, piece by piece.
  private func elements(_ sink: ZipWriter.Sink) throws {
    let view = source.view
    let job = try ElementScan.Job([source], rowMajor: true)
    try ElementScan.forEachBlock(job, 0..<job.order.count) { block in
      // Any byte but 0 is true, and NumPy takes it for 1.
      if view.format == .bool {
        let bytes = block.bytes[0].assumingMemoryBound(to: UInt8.self)
        for index in 0..<block.count where bytes[index] > 1 { bytes[index] = 1 }
      }
      try sink(UnsafeRawBufferPointer(start: block.bytes[0], count: block.count * view.format.itemSize))
    }
  }

  private func unsupported() -> CairnError {
    let other = TensorFileFormat.allCases.first { other in
      guard other != format, let dtype = DType(rawValue: entry.dtype), dtype.elementsPerItem == 1 else { return false }
      return other == .npy
        ? NumpyHeader.bytes(dtype, shape: entry.shape) != nil : SafetensorsWriter.holds(dtype)
    }
    return CairnError(
      .invalid, "\(entry.name): \(entry.dtype) cannot be written as .\(format.rawValue): the format has no such type",
      advice: other.map { "name a file that ends in .\($0.rawValue)" } ?? "`cairn restore` gives the whole checkpoint")
  }
}
