import CairnFormats

/// A checkpoint in memory as a safetensors file.
struct SafetensorsExport {
  let checkpoint: Checkpoint
  let encoded: EncodedState

  init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    encoded = try StateEncoder.encode(checkpoint)
  }

  func write(_ restoration: Restoration) throws -> RestoreReport {
    var leftOut: [String] = []
    var tensors: [SafetensorsWriter.Tensor] = []
    for entry in encoded.tensors {
      guard let dtype = DType(rawValue: entry.dtype), SafetensorsWriter.holds(dtype) else {
        leftOut.append("\(entry.name) (\(entry.dtype))")
        continue
      }
      let view = try Tensor(
        dtype: dtype, shape: entry.shape, strides: entry.strides, byteOffset: entry.byteOffset,
        storage: encoded.storages[entry.storage])
      guard let count = view.writableByteCount else {
        leftOut.append("\(entry.name) (its storage repeated too often)")
        continue
      }
      tensors.append(
        SafetensorsWriter.Tensor(
          name: entry.name, dtype: dtype, shape: entry.shape, byteCount: count
        ) { sink in try view.withContiguousBytes { try sink($0) } })
    }
    let values = PlainValues(checkpoint)
    leftOut += values.others
    let writer = SafetensorsWriter(metadata: values.strings)
    let bytes = try restoration.writeFile { try writer.write(tensors, to: $0) }
    return restoration.report(bytes: bytes, leftOut: leftOut)
  }
}

extension Tensor {
  /// The bytes of its elements one after the other; nil if they overflow, or for a view that repeats a small storage
  /// beyond all measure (stride 0 makes 4 TiB of 4 bytes).
  fileprivate var writableByteCount: Int? {
    guard let elements = StridedView.elementCount(shape) else { return nil }
    let (bytes, overflows) = elements.multipliedReportingOverflow(by: dtype.itemSize)
    guard !overflows, bytes <= 1 << 20 || bytes / 1024 <= storage.byteCount else { return nil }
    return bytes
  }
}
