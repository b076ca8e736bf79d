import Cairn
import Foundation

/// Saving and removing checkpoints in a large repository and in an empty one, in turn.
struct SaveMeasurements {
  let large: Repository
  let empty: String
  let tensors: Int
  let repeats: Int

  private static let path = "measured/by/cairn-bench.ckpt"
  /// Bytes of a tensor. Up to 4,096 they all go into one file, and it is nearly the index alone that is measured: a digest
  /// lies anywhere among all others, so each new one has a page of a large index to itself. That is shown without a bar.
  let tensorBytes: Int

  func all() throws -> [Measurement] {
    let small = try Repository.initialize(empty)
    defer { try? FileManager.default.removeItem(atPath: empty) }
    var random = SeededGenerator(seed: UInt64(Date().timeIntervalSince1970 * 1_000))
    var least: [String: [Times]] = [:]
    for _ in 0..<repeats {
      let first = (0..<tensors).map { _ in bytes(&random) }
      var second = first
      for index in stride(from: 0, to: tensors, by: 10) { second[index] = bytes(&random) }
      for (place, repository) in [small, large].enumerated() {
        func measure(_ what: String, _ body: () throws -> Void) throws {
          let times = try Times.measure(body)
          var all = least[what] ?? Array(repeating: Times(wall: .infinity, processor: .infinity), count: 2)
          all[place] = Times(
            wall: min(all[place].wall, times.wall), processor: min(all[place].processor, times.processor))
          least[what] = all
        }
        let request = SaveRequest(path: Self.path)
        try measure("save, all new") { _ = try repository.save(content(first), request) }
        try measure("save, a tenth changed") { _ = try repository.save(content(second), request) }
        try measure("remove, a tenth its own") { _ = try repository.remove(PathName(path: Self.path, version: nil)) }
      }
    }
    return least.sorted { $0.key > $1.key }.flatMap { what, times in
      [
        Measurement(
          what: "\(what), \(tensorBytes) B each: empty index", value: times[0].wall * 1_000, unit: "ms", bar: nil,
          processorMs: times[0].processor * 1_000),
        Measurement(
          what: "\(what), \(tensorBytes) B each: large index", value: times[1].wall * 1_000, unit: "ms", bar: nil,
          processorMs: times[1].processor * 1_000),
        Measurement(
          what: "\(what), \(tensorBytes) B each: large / empty", value: times[1].wall / times[0].wall, unit: "×",
          bar: tensorBytes > 4_096 ? 1.5 : nil),
      ]
    }
  }

  private func bytes(_ random: inout SeededGenerator) -> [UInt8] {
    (0..<tensorBytes / 8).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
  }

  private func content(_ tensors: [[UInt8]]) -> CheckpointContent {
    let names = SyntheticHistory.names(tensors.count)
    return CheckpointContent(
      content: .state(skeleton: .inline([0x80, 2, 0x7D, 0x2E])),
      tensors: names.enumerated().map { index, name in
        TensorEntry(
          name: name, dtype: "uint8", shape: [tensorBytes], strides: [1], byteOffset: 0, storage: index)
      },
      metadata: [:], sources: tensors.map { BytesSource($0, name: "made up") })
  }
}
