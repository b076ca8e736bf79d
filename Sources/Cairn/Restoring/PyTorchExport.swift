import CairnFormats

/// A checkpoint in memory as a PyTorch container.
struct PyTorchExport {
  let encoded: EncodedState

  init(_ checkpoint: Checkpoint) throws { encoded = try StateEncoder.encode(checkpoint) }

  func write(_ restoration: Restoration) throws -> RestoreReport {
    let storages = encoded.storages.enumerated().map { key, storage in
      PyTorchContainerWriter.Storage(key: String(key), byteCount: storage.byteCount) { sink in
        try storage.withUnsafeBytes { try sink($0) }
      }
    }
    let writer = PyTorchContainerWriter(archiveName: restoration.archiveName)
    let bytes = try restoration.writeFile { try writer.write(pickle: encoded.skeleton, storages: storages, to: $0) }
    return restoration.report(bytes: bytes)
  }
}
