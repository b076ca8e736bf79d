import Cairn
import Foundation

/// What is measured in a large repository.
struct ScaleMeasurements {
  private let repository: Repository
  private let empty: String
  private let checkpoints: Int
  private let tensors: Int
  private let repeats: Int
  private let program: URL

  init(repository: Repository, empty: String, checkpoints: Int, tensors: Int, repeats: Int) throws {
    self.repository = repository
    self.empty = empty
    self.checkpoints = checkpoints
    self.tensors = tensors
    self.repeats = repeats
    let own = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    program = own.deletingLastPathComponent().appendingPathComponent("cairn")
    guard FileManager.default.isExecutableFile(atPath: program.path) else {
      throw BenchmarkError("\(program.path): is not there: `swift build -c release --product cairn` makes it")
    }
  }

  func indexBytes() throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: repository.path + "/index.sqlite")
    return (attributes[.size] as? Int) ?? 0
  }

  func all() throws -> [Measurement] {
    var all = [
      Measurement(
        what: "index per manifest entry", value: Double(try indexBytes()) / Double(checkpoints * tensors),
        unit: "bytes", bar: 30)
    ]
    let path = SyntheticHistory.path(ofRun: 0)
    let name = SyntheticHistory.names(tensors)[tensors / 2]
    let listed = try repository.tensors(of: PathName(path: path)).checkpoint
    let digest = try repository.occurrences(ofTensors: Glob(name), limit: 1).tensors.first?.digest?.hex
    all.append(try command(["log", "--limit", "50"], 50))
    all.append(try command(["show", path], 50))
    all.append(try command(["ls", path], 50))
    if let filtered = try optional(["log", "--where", "val_loss < 0.2 and epoch > 3", "--limit", "50"], 50) {
      all.append(filtered)
    }
    all.append(try command(["find", name], 100))
    all.append(try command(["find", "*.mlp.up.*"], 100))
    all.append(try command(["find", String((digest ?? listed.manifest.hex).prefix(12))], 100))
    all.append(try command(["find", listed.manifest.hex], 100))
    all.append(try command(["blame", path, name], nil))
    all.append(try command(["stats"], 2_000))
    let sql = "SELECT count(*), max(step) FROM checkpoints"
    if let query = try optional(["query", sql], nil) { all.append(query) }
    for bytes in [16_384, 1_024] {
      all += try SaveMeasurements(
        large: repository, empty: empty, tensors: tensors, repeats: repeats, tensorBytes: bytes
      ).all()
    }
    return all
  }

  private func command(_ arguments: [String], _ bar: Double?) throws -> Measurement {
    let times = try Times.least(of: repeats, running: program, arguments + ["--repo", repository.path])
    return Measurement(
      what: arguments.joined(separator: " "), value: times.wall * 1_000, unit: "ms", bar: bar,
      processorMs: times.processor * 1_000)
  }

  /// Something that this `cairn` may not have.
  private func optional(_ arguments: [String], _ bar: Double?) throws -> Measurement? {
    do { return try command(arguments, bar) } catch let error as BenchmarkError {
      let isUnknown = error.description.contains("Unknown option") || error.description.contains("unexpected argument")
      if isUnknown { return nil }
      throw error
    }
  }
}
