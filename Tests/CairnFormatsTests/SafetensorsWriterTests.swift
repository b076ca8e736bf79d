import CairnCore
import Testing

@testable import CairnFormats

struct SafetensorsWriterTests {
  private func tensor(_ name: String, _ dtype: DType, _ shape: [Int], _ bytes: [UInt8]) -> SafetensorsWriter.Tensor {
    SafetensorsWriter.Tensor(name: name, dtype: dtype, shape: shape, byteCount: bytes.count) { write in
      for byte in bytes { try [byte].withUnsafeBytes { try write($0) } }
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func whatIsWrittenIsRead(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let dtypes = DType.allCases.filter { SafetensorsDType($0) != nil }
    var contents: [String: (dtype: DType, shape: [Int], bytes: [UInt8])] = [:]
    for index in 0..<Int.random(in: 0..<20, using: &random) {
      let dtype = dtypes[Int.random(in: 0..<dtypes.count, using: &random)]
      // A pair of 4-bit floats has no place in a scalar.
      let rank = Int.random(in: dtype == .float4E2M1FNx2 ? 1..<4 : 0..<4, using: &random)
      let shape = (0..<rank).map { _ in Int.random(in: 0..<5, using: &random) }
      let size = shape.reduce(dtype.itemSize, *)
      contents["näme \"\(index)\"\n/\\"] = (
        dtype, shape, (0..<size).map { _ in .random(in: 0...255, using: &random) }
      )
    }
    let collected = CollectedBytes()
    try SafetensorsWriter(metadata: ["format": "pt", "a\"": "/é\u{1}"])
      .write(contents.map { tensor($0, $1.dtype, $1.shape, $1.bytes) }, to: collected.write)

    let source = BytesSource(collected.bytes, name: "written.safetensors")
    let layout = try Safetensors.layout(of: source)
    #expect(layout.metadata == ["safetensors": ["format": "pt", "a\"": "/é\u{1}"]])
    #expect(layout.tensors.count == contents.count)
    for entry in layout.tensors {
      let content = try #require(contents[entry.name])
      let extent = layout.storages[entry.storage]
      #expect(entry.dtype == content.dtype.rawValue)
      #expect(entry.shape == content.shape)
      #expect(try source.bytes(at: extent.offset, count: extent.length) == content.bytes)
    }
  }

  @Test func ordersAndPadsAsUpstream() throws {
    // What safetensors 0.8 writes for {"b": bool [1], "a": bool [1], "half": float16 [1], "i": int64 [1]}.
    let header =
      #"{"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"half":{"dtype":"F16","shape":[1],"data_offsets":[8,10]},"#
      + #""a":{"dtype":"BOOL","shape":[1],"data_offsets":[10,11]},"b":{"dtype":"BOOL","shape":[1],"data_offsets":[11,12]}}"#
    let collected = CollectedBytes()
    try SafetensorsWriter().write(
      [
        tensor("b", .bool, [1], [0]), tensor("a", .bool, [1], [1]), tensor("half", .float16, [1], [2, 2]),
        tensor("i", .int64, [1], [3, 3, 3, 3, 3, 3, 3, 3]),
      ], to: collected.write)
    let padded = (header.utf8.count + 7) / 8 * 8
    #expect(collected.bytes.prefix(8) == [UInt8(padded & 0xff), UInt8(padded >> 8), 0, 0, 0, 0, 0, 0])
    let written = String(decoding: collected.bytes[8..<8 + padded], as: UTF8.self)
    #expect(written == header + String(repeating: " ", count: padded - header.utf8.count))
    #expect(collected.bytes.suffix(12) == [3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 1, 0])
  }

  @Test func refusesWhatCannotBeRead() {
    let bad = [
      [tensor("a", .float32, [1], [0])], [tensor("a", .complex128, [0], [])], [tensor("__metadata__", .bool, [0], [])],
      [tensor("a", .bool, [0], []), tensor("a", .bool, [0], [])], [tensor("a", .bool, [-1], [])],
      [tensor("a", .float32, [Int.max, 2], [])],
    ]
    for tensors in bad {
      #expect(throws: SafetensorsWriter.TensorError.self) {
        try SafetensorsWriter().write(tensors, to: CollectedBytes().write)
      }
    }
  }
}
