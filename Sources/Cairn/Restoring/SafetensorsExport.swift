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
      tensors.append(
        SafetensorsWriter.Tensor(
          name: entry.name, dtype: dtype, shape: entry.shape, byteCount: view.elementCount * dtype.itemSize
        ) { sink in try view.withContiguousBytes { try sink($0) } })
    }
    let values = PlainValues(checkpoint)
    leftOut += values.others
    let writer = SafetensorsWriter(metadata: values.strings)
    let bytes = try restoration.writeFile { try writer.write(tensors, to: $0) }
    return restoration.report(bytes: bytes, leftOut: leftOut)
  }
}
