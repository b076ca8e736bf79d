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
    all += try listings(path).map { try command($0, 50) }
    let lookups = [
      ["find", name], ["find", "*.mlp.up.*"], ["find", String((digest ?? listed.manifest.hex).prefix(12))],
      ["find", listed.manifest.hex],
    ]
    all += try lookups.map { try command($0, 100) }
    let summaries = [
      ["stats"], ["stats", "--by", "run"], ["stats", "--by", "path"], ["stats", "--by", "tensor-prefix"], ["du", "-v"],
    ]
    all += try summaries.map { try command($0, 2_000) }
    all += try queries(path, name).map { try command($0, nil) }
    let newest = try repository.checkpoints(paths: [path], limit: 2).map(\.name)
    if newest.count == 2 { all.append(try command(["diff", newest[1], newest[0]], nil)) }
    for bytes in [16_384, 1_024] {
      all += try SaveMeasurements(
        large: repository, empty: empty, tensors: tensors, repeats: repeats, tensorBytes: bytes
      ).all()
    }
    return all
  }

  /// What shows a page of something.
  private func listings(_ path: String) -> [[String]] {
    let filters = [
      // A metric: many match, a few of the oldest do, none does.
      "val_loss < 0.2 and epoch > 3", "val_loss > 3", "val_loss < 0",
      // What was read out of checkpoints.
      "hyper_parameters.lr >= 1e-4", "hyper_parameters.lr > 1", "global_step < 300",
      // Columns.
      "step > 1000 and val_loss < 0.3 and run = 'sweep-0'", "step = 500", "path like 'sweep-%' and epoch in (1, 2)",
    ]
    return [
      ["log", "--limit", "50"], ["log", "--limit", "50", "--graph"], ["log", "--limit", "50", "--json"],
      ["log", "--limit", "50", "--sort", "val_loss"], ["log", "--limit", "50", path], ["show", path],
      ["ls", path],
    ] + filters.map { ["log", "--limit", "50", "--where", $0] }
  }

  private func queries(_ path: String, _ name: String) -> [[String]] {
    [
      ["runs"], ["blame", path, name],
      ["query", "SELECT count(*), max(step) FROM checkpoints"],
      ["query", "SELECT run, min(value) FROM metrics WHERE name = 'val_loss' GROUP BY run"],
      ["query", "SELECT name, bytes FROM tensors WHERE checkpoint = '\(path)@2'"],
      ["query", "SELECT count(*) FROM tensors"],
    ]
  }

  private func command(_ arguments: [String], _ bar: Double?) throws -> Measurement {
    let times = try Times.least(of: repeats, running: program, arguments + ["--repo", repository.path])
    return Measurement(
      what: arguments.joined(separator: " "), value: times.wall * 1_000, unit: "ms", bar: bar,
      processorMs: times.processor * 1_000)
  }
}
