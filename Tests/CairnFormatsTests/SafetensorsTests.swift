import CairnCore
import Testing

@testable import CairnFormats

struct SafetensorsTests {
  private func file(_ header: String, data: Int = 0) -> BytesSource {
    var out = ZipFieldWriter()
    out.put(UInt64(header.utf8.count))
    out.put(header.utf8)
    out.put([UInt8](repeating: 1, count: data))
    return BytesSource(out.bytes, name: "test.safetensors")
  }

  private func tensor(_ shape: String, _ begin: Int, _ end: Int, dtype: String = "F32") -> String {
    #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
  }

  @Test func readsTensorsInTheOrderOfTheFile() throws {
    let source = file(
      #"{"__metadata__":{"format":"pt"},"b":\#(tensor("[2,3]", 0, 24)),"a":\#(tensor("[]", 28, 30, dtype: "BF16")),"#
        + #""empty":\#(tensor("[0,4]", 24, 24)),"c":\#(tensor("[4]", 24, 28, dtype: "F8_E4M3"))}  "#, data: 30)
    let layout = try Safetensors.layout(of: source)
    let start = source.size - 30
    #expect(layout.format == .safetensors)
    #expect(layout.tensors.map(\.name) == ["b", "empty", "c", "a"])
    #expect(layout.tensors.map(\.dtype) == ["float32", "float32", "float8_e4m3fn", "bfloat16"])
    #expect(layout.tensors.map(\.strides) == [[3, 1], [4, 1], [1], []])
    #expect(layout.tensors.map(\.storage) == [0, 1, 2, 3])
    #expect(layout.storages.map(\.offset) == [start, start + 24, start + 24, start + 28])
    #expect(layout.storages.map(\.length) == [24, 0, 4, 2])
    #expect(layout.metadata == ["safetensors": ["format": "pt"]])
  }

  @Test func countsFourBitFloatsInPairs() throws {
    let layout = try Safetensors.layout(of: file(#"{"a":\#(tensor("[3,4]", 0, 6, dtype: "F4"))}"#, data: 6))
    #expect(layout.tensors.map(\.shape) == [[3, 2]])
    #expect(layout.tensors.map(\.dtype) == ["float4_e2m1fn_x2"])
  }

  /// Headers that break a rule, and a word of what is said about it.
  static let broken: [(header: String, data: Int, complaint: String)] = {
    func tensor(_ shape: String, _ begin: String, _ end: String, dtype: String = "F32") -> String {
      #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }
    let good = tensor("[1]", "0", "4")
    return [
      (#"{"a":\#(good),"b":\#(tensor("[1]", "2", "6"))}"#, 6, "tensor b"),
      (#"{"a":\#(good),"b":\#(good)}"#, 4, "tensor b"),
      (#"{"a":\#(good),"b":\#(tensor("[1]", "8", "12"))}"#, 12, "tensor b"),
      (#"{"a":\#(tensor("[1]", "4", "0"))}"#, 4, "tensor a"),
      (#"{"a":\#(tensor("[0]", "4", "0"))}"#, 4, "tensor a"),
      (#"{"a":\#(tensor("[2]", "0", "4"))}"#, 4, "shape [2]"),
      (#"{"a":\#(tensor("[1]", "0", "4", dtype: "F31"))}"#, 4, "F31"),
      (#"{"a":\#(tensor("[1]", "-4", "0"))}"#, 4, "negative"),
      (#"{"a":\#(tensor("[-1]", "0", "4"))}"#, 4, "negative"),
      (#"{"a":\#(tensor("[1.5]", "0", "6"))}"#, 6, "whole"),
      (#"{"a":\#(tensor("[1e400]", "0", "6"))}"#, 6, ""),
      (#"{"a":\#(tensor("[4611686018427387904,4]", "0", "0"))}"#, 0, "shape"),
      (#"{"a":\#(tensor("[0,9223372036854775807,2,9223372036854775807]", "0", "0"))}"#, 0, ""),
      (#"{"a":\#(tensor("[99999999999999999999]", "0", "4"))}"#, 4, ""),
      (#"{"a":\#(tensor("[3]", "0", "1", dtype: "F4"))}"#, 1, "shape"),
      (#"{"a":\#(good),"a":\#(good)}"#, 4, "twice"),
      (#"{"a":\#(good),"\u0061":\#(tensor("[1]", "4", "8"))}"#, 8, "twice"),
      (#"{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#, 4, "twice"),
      (#"{"__metadata__":{"a":"1","a":"2"}}"#, 0, "twice"),
      (#"{"__metadata__":{"a":1}}"#, 0, "__metadata__"),
      (#"{"a":{"dtype":"F32","shape":[1]}}"#, 0, "data_offsets"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4, "3 data offsets"),
      (#"{"a":\#(good)}"#, 3, "truncated"),
      (#"{"a":\#(good)}"#, 5, "after its last tensor"),
      (#"["a"]"#, 0, "begin with {"),
      (#" {"a":\#(good)}"#, 4, "begin with {"),
      (#"{"a":\#(good)"#, 4, "header"),
      (#"{"a":"# + String(repeating: "[", count: 200_000), 4, "nested"),
      (String(repeating: #"{"a":"#, count: 200_000), 4, "nested"),
    ]
  }()

  @Test(arguments: broken.indices) func refusesBrokenHeaders(index: Int) {
    let (header, data, complaint) = SafetensorsTests.broken[index]
    do {
      _ = try Safetensors.layout(of: file(header, data: data))
      Issue.record("taken: \(header.prefix(200))")
    } catch let error as FormatError {
      #expect(complaint.isEmpty || error.problem.contains(complaint))
      #expect(error.path == "test.safetensors")
    } catch {
      Issue.record("another error: \(error)")
    }
  }

  @Test(arguments: [0, 1, 100_000_001, 1 << 40, 1 << 63, UInt64.max]) func refusesHeaderLengths(length: UInt64) {
    var out = ZipFieldWriter()
    out.put(length)
    out.put("{}".utf8)
    #expect(throws: FormatError.self) { try Safetensors.layout(of: BytesSource(out.bytes, name: "x.safetensors")) }
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = file(#"{"a":\#(tensor("[1]", 0, 4)),"b":\#(tensor("[0]", 4, 4))}"#, data: 4).contents
    for length in 0..<bytes.count {
      let source = BytesSource(Array(bytes.prefix(length)), name: "cut.safetensors")
      #expect(throws: FormatError.self) { try Safetensors.layout(of: source) }
    }
  }

  @Test func noMutationCrashesOrPointsOutsideTheFile() {
    let bytes = file(#"{"__metadata__":{"k":"v"},"a":\#(tensor("[1,2]", 0, 8))}"#, data: 8).contents
    var random = SeededGenerator(seed: 1)
    for position in bytes.indices {
      for value in [0, 0x22, 0x2c, 0x5c, 0x7b, 0x80, 0xff, .random(in: 0...255, using: &random)] as [UInt8] {
        var changed = bytes
        changed[position] = value
        guard let layout = try? Safetensors.layout(of: BytesSource(changed, name: "mutant")) else { continue }
        for extent in layout.storages { #expect(extent.offset + extent.length <= bytes.count) }
      }
    }
  }
}
