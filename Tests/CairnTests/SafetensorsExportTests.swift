import Cairn
import Foundation
import Testing

/// What a safetensors file cannot hold is left out and named; so is a view that repeats a few bytes without end.
@Suite struct SafetensorsExportTests {
  @Test func viewsRepeatedBeyondMeasureAreLeftOutOfSafetensors() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let storage = TensorStorage([UInt8](0..<16))
    func view(_ shape: [Int], _ strides: [Int]) throws -> Checkpoint {
      .tensor(try Tensor(dtype: .float32, shape: shape, strides: strides, storage: storage))
    }
    let state: Checkpoint = [
      "good": try view([4], [1]), "expanded": try view([3, 4], [0, 1]), "huge": try view([1 << 40], [0]),
    ]
    _ = try repository.save(state, SaveRequest(path: "m"))
    var options = RestoreOptions()
    options.format = .safetensors
    let out = scratch.path + "/out.safetensors"
    let report = try repository.restore(PathName(path: "m"), to: out, options)
    #expect(report.leftOut.map { $0.split(separator: " ").first ?? "" } == ["huge"])
    _ = try repository.save(file: out, SaveRequest(path: "file"))
    let loaded = try repository.load(PathName(path: "file"))
    #expect(Set(loaded.dictionary?.keys ?? []) == ["good", "expanded"])
    #expect(loaded["expanded"]?.tensor == state["expanded"]?.tensor)
    #expect(loaded["good"]?.tensor == state["good"]?.tensor)
  }

  @Test func whatSafetensorsCannotHoldIsNamed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let complex = try Tensor(dtype: .complex128, shape: [1], storage: TensorStorage(byteCount: 16))
    let state: Checkpoint = [
      "note": "text", "epoch": 3, "model": ["w": .tensor(try Tensor([1, 2] as [Float])), "list": [1, nil]],
      "complex": .tensor(complex),
      "object": .object(OpaqueObject(callable: .global(PickleGlobal("my.module", "C")), arguments: .tuple([]))),
    ]
    _ = try repository.save(state, SaveRequest(path: "m"))
    var options = RestoreOptions()
    options.format = .safetensors
    let report = try repository.restore(PathName(path: "m"), to: scratch.path + "/out.safetensors", options)
    #expect(
      report.leftOut.sorted() == [
        "complex (complex128)", "epoch", "model.list.0", "model.list.1", "object (my.module.C)",
      ])
  }
}
