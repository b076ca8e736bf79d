import CairnCore
import CairnFormats
import Testing

struct ContainerLayoutTests {
  private func file(storage: [UInt8], name: String = "state.ckpt") throws -> BytesSource {
    let collected = CollectedBytes()
    let storage = PyTorchContainerWriter.Storage(key: "0", byteCount: storage.count) { write in
      try storage.withUnsafeBytes { try write($0) }
    }
    try PyTorchContainerWriter().write(pickle: savedPickle, storages: [storage], to: collected.write)
    return BytesSource(collected.bytes, name: name)
  }

  @Test func findsTheTensorsOfASavedState() throws {
    let source = try file(storage: (0..<24).map { UInt8($0) })
    let layout = try FileLayout.read(source, savedAs: nil)
    #expect(layout.format == .pytorch)
    #expect(layout.metadata["epoch"] == 7)
    #expect(layout.storages.map(\.length) == [24])
    #expect(layout.tensors.map(\.name) == ["w", "row"])
    #expect(layout.tensors.map(\.shape) == [[2, 3], [3]])
    #expect(layout.tensors.map(\.byteOffset) == [0, 12])
    #expect(try source.bytes(at: layout.storages[0].offset, count: 24) == (0..<24).map { UInt8($0) })
    #expect(try PyTorchContainer.layout(of: source, savedAs: nil)?.tensors == layout.tensors)
  }

  @Test func refusesAStorageThatIsTooShortForItsPickle() throws {
    let source = try file(storage: [UInt8](repeating: 0, count: 23))
    #expect {
      try FileLayout.read(source, savedAs: nil)
    } throws: { error in
      let text = "\(error)"
      return text.contains("state.ckpt") && text.contains("archive/data/0")
    }
  }

  @Test func everyTruncationOfASavedStateIsAnError() throws {
    let bytes = try file(storage: [UInt8](repeating: 0, count: 24)).contents
    for length in 4..<bytes.count {
      let half = BytesSource(Array(bytes.prefix(length)), name: "half.ckpt")
      #expect(throws: FormatError.self) { try FileLayout.read(half, savedAs: nil) }
    }
  }
}

/// `data.pkl` of what PyTorch 2 saves for `{"w": w, "row": w[1], "epoch": 7}`, `w` being 2 by 3 of float32.
private let savedPickle: [UInt8] = [
  128, 2, 125, 113, 0, 40, 88, 1, 0, 0, 0, 119, 113, 1, 99, 116, 111, 114, 99, 104, 46, 95, 117, 116,
  105, 108, 115, 10, 95, 114, 101, 98, 117, 105, 108, 100, 95, 116, 101, 110, 115, 111, 114, 95, 118, 50, 10, 113,
  2, 40, 40, 88, 7, 0, 0, 0, 115, 116, 111, 114, 97, 103, 101, 113, 3, 99, 116, 111, 114, 99, 104, 10,
  70, 108, 111, 97, 116, 83, 116, 111, 114, 97, 103, 101, 10, 113, 4, 88, 1, 0, 0, 0, 48, 113, 5, 88,
  3, 0, 0, 0, 99, 112, 117, 113, 6, 75, 6, 116, 113, 7, 81, 75, 0, 75, 2, 75, 3, 134, 113, 8,
  75, 3, 75, 1, 134, 113, 9, 137, 99, 99, 111, 108, 108, 101, 99, 116, 105, 111, 110, 115, 10, 79, 114, 100,
  101, 114, 101, 100, 68, 105, 99, 116, 10, 113, 10, 41, 82, 113, 11, 116, 113, 12, 82, 113, 13, 88, 3, 0,
  0, 0, 114, 111, 119, 113, 14, 104, 2, 40, 40, 104, 3, 104, 4, 104, 5, 104, 6, 75, 6, 116, 113, 15,
  81, 75, 3, 75, 3, 133, 113, 16, 75, 1, 133, 113, 17, 137, 104, 10, 41, 82, 113, 18, 116, 113, 19, 82,
  113, 20, 88, 5, 0, 0, 0, 101, 112, 111, 99, 104, 113, 21, 75, 7, 117, 46,
]
