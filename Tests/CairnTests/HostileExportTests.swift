import Cairn
import Foundation
import Testing

/// A view that repeats a few bytes without end costs nothing to load, and must not to export.
@Suite struct HostileExportTests {
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
}
