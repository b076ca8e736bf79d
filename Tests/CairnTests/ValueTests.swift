import Cairn
import Foundation
import Testing

/// What Cairn says of values is what NumPy says, for every type and layout.
@Suite struct ValueTests {
  private struct Wanted: Decodable {
    struct Change: Decodable {
      var count: Int
      var changed: Int
      var maximum: JSONValue
      var relative: JSONValue
      var nan: Int
      var inf: Int
    }

    struct Summary: Decodable {
      var count: Int
      var nan: Int
      var inf: Int
      var zero: Int
      var minimum: JSONValue?
      var maximum: JSONValue?
      var mean: JSONValue?
      var deviation: JSONValue?
      var tolerance: JSONValue?
    }

    var change: Change
    var summary: Summary
  }

  /// Files a.pt, b.pt and same.safetensors, and what NumPy says of them.
  private static func made(seed: Int, in scratch: Scratch) throws -> [String: Wanted] {
    let outcomes = try #require(Python.newest).run("values", [[scratch.path, "\(seed)"]], in: scratch)
    let outcome = try #require(outcomes.first)
    #expect(outcome.code == 0)
    return try JSONDecoder().decode([String: Wanted].self, from: Data(outcome.output.utf8))
  }

  private static func number(_ value: JSONValue?) -> Double? {
    switch value {
    case .string("NaN"): .nan
    case .string("Infinity"): .infinity
    case .string("-Infinity"): -.infinity
    default: value?.doubleValue
    }
  }

  private static func isNear(_ found: Double?, _ wanted: Double?, within share: Double = 1e-12, of size: Double = 0)
    -> Bool
  {
    guard let found, let wanted else { return found == nil && wanted == nil }
    return found == wanted || abs(found - wanted) <= share * max(abs(wanted), size)
  }

  @Test(.enabled(if: Python.newest != nil), arguments: [1, 2, 3])
  func changesAreWhatNumPySays(_ seed: Int) throws {
    let scratch = try Scratch()
    let wanted = try Self.made(seed: seed, in: scratch)
    let repository = try scratch.repository()
    for name in ["a", "b"] { _ = try repository.save(file: "\(scratch.path)/\(name).pt", SaveRequest(path: name)) }
    let stored = [DiffSide.checkpoint(PathName(path: "a")), .checkpoint(PathName(path: "b"))]
    let files = [DiffSide.file(scratch.path + "/a.pt"), .file(scratch.path + "/b.pt")]
    var options = DiffOptions()
    options.values = true
    for (a, b) in [(stored[0], stored[1]), (files[0], stored[1]), (stored[0], files[1])] {
      let diff = try repository.diff(a, b, options)
      #expect(diff.unchangedCount + diff.tensors.count == wanted.count)
      let changes = Dictionary(uniqueKeysWithValues: diff.tensors.map { ($0.name, $0) })
      for (name, wanted) in wanted {
        guard wanted.change.changed > 0 else {
          #expect(changes[name] == nil, "\(name)")
          continue
        }
        let change = try #require(changes[name], "\(name)")
        let values = try #require(change.values, "\(name)")
        #expect(change.kind == .changed && change.isCertain, "\(name)")
        #expect(values.count == wanted.change.count, "\(name)")
        #expect(values.changedCount == wanted.change.changed, "\(name)")
        #expect(values.newNaNCount == wanted.change.nan, "\(name)")
        #expect(values.newInfinityCount == wanted.change.inf, "\(name)")
        let (maximum, relative) = (Self.number(wanted.change.maximum), Self.number(wanted.change.relative))
        #expect(Self.isNear(values.maximumDifference, maximum), "\(name): \(values) \(wanted.change)")
        #expect(Self.isNear(values.relativeDifference, relative), "\(name): \(values) \(wanted.change)")
      }
    }
  }

  @Test(.enabled(if: Python.newest != nil), arguments: [4, 5])
  func whatIsOnlyLaidOutOtherwiseIsUnchanged(_ seed: Int) throws {
    let scratch = try Scratch()
    let wanted = try Self.made(seed: seed, in: scratch)
    let repository = try scratch.repository()
    _ = try repository.save(file: scratch.path + "/a.pt", SaveRequest(path: "a"))
    _ = try repository.save(file: scratch.path + "/same.safetensors", SaveRequest(path: "same"))
    let (a, same) = (DiffSide.checkpoint(PathName(path: "a")), DiffSide.checkpoint(PathName(path: "same")))
    let byIndex = try repository.diff(a, same)
    // By the index alone nobody can say that they are the same, and it does not say that they are not.
    #expect(byIndex.uncertainCount > 0)
    #expect(byIndex.uncertainCount == byIndex.count(.changed))
    // Those that are all of their storage are known to be the same.
    let plain = wanted.keys.filter { $0.hasSuffix(".plain") && !$0.hasPrefix("complex") }
    #expect(plain.allSatisfy { name in !byIndex.tensors.contains { $0.name == name } })
    var options = DiffOptions()
    options.values = true
    let diff = try repository.diff(a, same, options)
    #expect(diff.tensors.allSatisfy { $0.kind == .removed && $0.name.hasPrefix("complex") })
    #expect(diff.relaidCount == byIndex.uncertainCount)
    #expect(diff.unchangedCount + diff.count(.removed) == wanted.count)
  }

  @Test(.enabled(if: Python.newest != nil), arguments: [6, 7])
  func summariesAreWhatNumPySays(_ seed: Int) throws {
    let scratch = try Scratch()
    let wanted = try Self.made(seed: seed, in: scratch)
    let repository = try scratch.repository()
    _ = try repository.save(file: scratch.path + "/a.pt", SaveRequest(path: "a"))
    let catalog = try repository.tensors(of: .checkpoint(PathName(path: "a")))
    for (name, all) in wanted {
      let wanted = all.summary
      let summary = try catalog.summary(of: catalog.tensor(name))
      #expect(summary.count == wanted.count, "\(name)")
      #expect(summary.nanCount == wanted.nan, "\(name)")
      #expect(summary.infinityCount == wanted.inf, "\(name)")
      #expect(summary.zeroCount == wanted.zero, "\(name)")
      #expect(Self.isNear(summary.minimum, Self.number(wanted.minimum)), "\(name): \(summary) \(wanted)")
      #expect(Self.isNear(summary.maximum, Self.number(wanted.maximum)), "\(name): \(summary) \(wanted)")
      let size = Self.number(wanted.tolerance) ?? 0
      #expect(Self.isNear(summary.mean, Self.number(wanted.mean), of: size), "\(name): \(summary) \(wanted)")
      let (deviation, known) = (summary.standardDeviation, Self.number(wanted.deviation))
      #expect(Self.isNear(deviation, known, within: 1e-9), "\(name): \(summary) \(wanted)")
      let finite = wanted.count - wanted.nan - wanted.inf
      #expect(summary.histogram.reduce(0) { $0 + $1.count } == finite, "\(name)")
      #expect(summary.histogram.first?.from == summary.minimum, "\(name)")
      #expect(summary.histogram.last?.to == summary.maximum, "\(name)")
      #expect(zip(summary.histogram, summary.histogram.dropFirst()).allSatisfy { $0.from < $1.from }, "\(name)")
    }
  }

  @Test(.enabled(if: Python.newest != nil))
  func tensorsWrittenToFilesAreReadByNumPyAndSafetensors() throws {
    let scratch = try Scratch()
    let wanted = try Self.made(seed: 8, in: scratch)
    let repository = try scratch.repository()
    _ = try repository.save(file: scratch.path + "/a.pt", SaveRequest(path: "a"))
    var jobs: [[String]] = []
    let catalog = try repository.tensors(of: .checkpoint(PathName(path: "a")))
    for name in wanted.keys.sorted() {
      let entry = try catalog.tensor(name)
      for format in TensorFileFormat.allCases {
        let path = "\(scratch.path)/\(name).\(format.rawValue)"
        let hasType =
          format == .npy
          ? !entry.dtype.hasPrefix("float8") && !["bfloat16", "complex32"].contains(entry.dtype)
          : !["complex32", "complex128"].contains(entry.dtype)
        guard hasType else {
          let error = #expect(throws: CairnError.self) { try catalog.write(entry, to: path, as: format) }
          #expect(error?.kind == .invalid)
          #expect(!FileManager.default.fileExists(atPath: path))
          continue
        }
        let bytes = try catalog.write(entry, to: path, as: format)
        #expect(bytes == (try contents(path).count))
        jobs.append([path, scratch.path + "/a.pt", name])
      }
    }
    #expect(jobs.count > 250)
    let outcomes = try #require(Python.newest).run("tensor_file", jobs, in: scratch)
    for (job, outcome) in zip(jobs, outcomes) { #expect(outcome.code == 0, "\(job[0]): \(outcome)") }
  }
}
