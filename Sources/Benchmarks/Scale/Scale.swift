import ArgumentParser
import Cairn
import Foundation

/// `cairn-bench scale`
struct Scale: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure an index of many checkpoints of many tensors.",
    discussion: """
      Makes a repository whose log and index are real, through the code that saves, and whose tensors are made up: no \
      data is written for them. Then runs the program `cairn` beside this one on it, each command several times in a \
      process of its own, and takes the least time; and saves and removes real checkpoints there and in a repository \
      that holds nothing else.

      A command's bar is for its process time, user and system. How much slower a large index is, is judged by the clock.

      JSON: checkpoints, tensors, runs, generating_s, index_bytes, entries, measurements (a list): what, value, unit, \
      bar, met, processor_ms.
      """)

  @Option(help: "How many checkpoints.") var checkpoints = 10_000
  @Option(help: "How many tensors each has.") var tensors = 1_000
  @Option(help: "How many training runs they are of, interleaved.") var runs = 1
  @Option(help: "How often each thing is measured.") var repeats = 7
  @Option(help: "Where the repositories are made; one that is there already with as many checkpoints is used again.")
  var directory: String?
  @Flag(help: "Leave the repositories there.") var keep = false
  @Flag(help: "Print one JSON document.") var json = false

  func validate() throws {
    if checkpoints < 2 || tensors < 10 || runs < 1 || runs > checkpoints || repeats < 1 {
      throw ValidationError("there have to be 2 checkpoints, 10 tensors, a run and a repeat at least")
    }
  }

  func run() throws {
    let files = FileManager.default
    let root = directory ?? files.temporaryDirectory.path + "/cairn-scale-\(UUID().uuidString)"
    try files.createDirectory(atPath: root, withIntermediateDirectories: true)
    defer { if !keep, directory == nil { try? files.removeItem(atPath: root) } }
    let (repository, generating) = try repository(in: root + "/large-\(checkpoints)-\(tensors)-\(runs)")
    let measured = try ScaleMeasurements(
      repository: repository, empty: root + "/empty-" + UUID().uuidString, checkpoints: checkpoints, tensors: tensors,
      repeats: repeats)
    let indexBytes = try measured.indexBytes()
    let measurements = try measured.all()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      let report = Report(
        checkpoints: checkpoints, tensors: tensors, runs: runs, generatingS: generating, indexBytes: indexBytes,
        entries: checkpoints * tensors, measurements: measurements)
      print(String(decoding: try encoder.encode(report), as: UTF8.self))
    } else {
      print("\(checkpoints) checkpoints of \(tensors) tensors, \(runs) run(s); index \(indexBytes / 1_000_000) MB")
      print(Measurement.table(measurements), terminator: "")
    }
    if measurements.contains(where: { $0.isMet == false }) { throw ExitCode(1) }
  }

  private struct Report: Encodable {
    var checkpoints: Int
    var tensors: Int
    var runs: Int
    var generatingS: Double?
    var indexBytes: Int
    var entries: Int
    var measurements: [Measurement]
  }

  private func repository(in path: String) throws -> (Repository, generating: Double?) {
    if FileManager.default.fileExists(atPath: path + "/cairn.json") {
      let repository = try Repository(opening: path)
      if try repository.stats().checkpoints == checkpoints { return (repository, nil) }
      throw BenchmarkError("\(path): is another repository than the one to be measured")
    }
    let repository = try Repository.initialize(path)
    var history = SyntheticHistory(checkpoints: checkpoints, tensors: tensors, runs: runs)
    let times = try Times.measure {
      try history.write(to: repository) { done in
        if done % 1_000 == 0 { FileHandle.standardError.write(Data("\(done) checkpoints\n".utf8)) }
      }
    }
    return (repository, times.wall)
  }
}
