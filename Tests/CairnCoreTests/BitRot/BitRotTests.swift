import Foundation
import Testing

@testable import CairnCore

/// A byte changes on the disk: in every file of a small repository, at every place.
///
/// It is harmless, or `verify --read-data` finds it and names what it hurts; repaired and saved once more, everything is
/// whole again. Usually some places of each file are tried; with `CAIRN_BIT_ROT=1` in the environment it is all of them,
/// with `CAIRN_BIT_ROT=10` each tenth; with `CAIRN_BIT_ROT_KIND=index`, say, those of files of one kind.
@Suite struct BitRotTests {
  private static let kinds = Kind.allCases.filter {
    "\($0)" == ProcessInfo.processInfo.environment["CAIRN_BIT_ROT_KIND"] ?? "\($0)"
  }
  private static let step = ProcessInfo.processInfo.environment["CAIRN_BIT_ROT"].flatMap { Int($0) }

  /// How a byte changes.
  enum Change: CaseIterable {
    case lowestBit, highestBit, zero

    func callAsFunction(_ byte: UInt8) -> UInt8 {
      switch self {
      case .lowestBit: byte ^ 1
      case .highestBit: byte ^ 0x80
      case .zero: 0
      }
    }
  }

  enum Kind: CaseIterable {
    case raw, compressed, pack, manifest, configuration, log, index

    func matches(_ name: String, manifests: Set<String>) -> Bool {
      switch self {
      case .raw: name.hasPrefix("blobs/") && !name.contains(".")
      case .compressed: name.hasSuffix(".zst") && !manifests.contains(name)
      case .pack: name.hasSuffix(".pack")
      case .manifest: manifests.contains(name)
      case .configuration: name == RepositoryConfiguration.fileName
      case .log: name == Log.fileName
      case .index: name == IndexFile.fileName
      }
    }
  }

  @Test(arguments: JournalMode.allCases, Self.kinds)
  func aByteThatChangesIsHarmlessOrFoundAndMended(_ journal: JournalMode, kind: Kind) throws {
    let specimen = try Specimen(journal)
    let manifests = Set(
      specimen.listing.map { "blobs/\($0.manifest.hex.prefix(2))/\($0.manifest.hex).zst" })
    let names = specimen.files.keys.filter { kind.matches($0, manifests: manifests) }.sorted()
    #expect(!names.isEmpty)
    let expected = try specimen.hurts()
    var found = 0
    for name in names {
      let content = try #require(specimen.files[name])
      for place in places(in: content, kind, of: names.count) {
        // Of a long file one change in each place is enough: they take turns.
        let changes = content.count > 2_048 || Self.step == nil ? [Change.allCases[place % 3]] : Change.allCases
        for change in changes where change(content[place]) != content[place] {
          var changed = content
          changed[place] = change(changed[place])
          try specimen.put(name, changed)
          let inspection = Inspection(specimen, name, expected[name], verifyFirst: place % 2 == 0)
          do {
            try inspection.run()
          } catch {
            inspection.problems.append("\(error)")
          }
          if inspection.isFound { found += 1 }
          let what = "\(name), byte \(place): \(content[place]) -> \(changed[place])"
          #expect(inspection.problems == [], "\(what)")
          try specimen.putBack()
        }
      }
    }
    #expect(found > 0)
  }

  private func places(in content: [UInt8], _ kind: Kind, of files: Int) -> [Int] {
    if let step = Self.step {
      // Most of an index is room that nothing uses.
      return content.indices.filter { place in
        place % step == 0
          && (kind != .index || place % 64 == 0 || content[max(0, place - 8)...].prefix(17).contains { $0 != 0 })
      }
    }
    var random = SeededGenerator(seed: UInt64(content.count))
    let used = kind == .index ? content.indices.filter { content[$0] != 0 } : Array(content.indices)
    let count = (kind == .index || kind == .log ? 12 : 4) / files + 1
    return (0..<count).compactMap { _ in used.randomElement(using: &random) } + [0, content.count - 1]
  }
}

/// What comes of one changed byte.
private final class Inspection {
  let specimen: Specimen
  let name: String
  let expected: Set<VerifyReport.Hurt>?
  let verifyFirst: Bool
  var problems: [String] = []
  /// Whether `verify` has found it.
  private(set) var isFound = false
  private var isMisled = false

  init(_ specimen: Specimen, _ name: String, _ expected: Set<VerifyReport.Hurt>?, verifyFirst: Bool) {
    (self.specimen, self.name, self.expected, self.verifyFirst) = (specimen, name, expected, verifyFirst)
  }

  private var isIndex: Bool { name == IndexFile.fileName }

  func run() throws {
    loadByManifest()
    guard let repository = open() else { return }
    defer { repository.close() }
    if !verifyFirst { load(repository, mayFail: true) }
    let isClean = verify(repository)
    if isMisled && isClean { problems.append("a load gave other bytes, and verify finds nothing") }
    if isClean {
      // What the first load has set aside was there to be found; but here nothing was.
      try expectWhole(repository, "a clean verify")
    } else {
      isFound = true
      load(repository, mayFail: true)
    }
    try mend(repository)
  }

  private func open() -> Repository? {
    do {
      return try Repository(opening: specimen.path)
    } catch let error as CairnError {
      isFound = true
      if name != RepositoryConfiguration.fileName || ![.damaged, .newerFormat].contains(error.kind) {
        problems.append("it cannot be opened: \(error)")
      }
      return nil
    } catch {
      problems.append("not a CairnError: \(error)")
      return nil
    }
  }

  /// As a pointer does: by the manifest's digest, without log and index.
  private func loadByManifest() {
    for record in specimen.listing {
      do {
        let stored = try StoredCheckpoint(repository: specimen.path, id: specimen.id, manifest: record.manifest)
        let loaded = try stored.storages(Array(stored.manifest.storages.indices), .copied(verify: true))
        if loaded.map({ Array($0.bytes) }) != specimen.holds[record.name] {
          problems.append("\(record.name) by its manifest: wrong bytes")
        }
      } catch {
        check(error, "\(record.name) by its manifest")
      }
    }
  }

  private func check(_ error: any Error, _ what: String) {
    if !(error is CairnError) { problems.append("\(what): not a CairnError: \(error)") }
  }

  /// Loads all by their names. An index that lies may name another checkpoint: then `verify` has to find that.
  private func load(_ repository: Repository, mayFail: Bool) {
    for (name, storages) in specimen.holds.sorted(by: { $0.key < $1.key }) {
      do {
        if try repository.load(name) != storages {
          isMisled = true
          if !isIndex || !mayFail { problems.append("\(name): wrong bytes") }
        }
      } catch {
        check(error, name)
        if !mayFail { problems.append("\(name): \(error)") }
      }
    }
  }

  /// Whether `verify --read-data` finds nothing.
  private func verify(_ repository: Repository) -> Bool {
    var options = VerifyOptions()
    options.readData = true
    do {
      let report = try repository.verify(options)
      if let expected, !report.problems.isEmpty { compare(report, expected) }
      return report.problems.isEmpty
    } catch {
      check(error, "verify")
      if !"\(error)".contains(name) { problems.append("verify does not name the file: \(error)") }
      return false
    }
  }

  private func compare(_ report: VerifyReport, _ expected: Set<VerifyReport.Hurt>) {
    var hurts: [String: Set<String>] = [:]
    for hurt in report.problems.flatMap(\.hurts) { hurts[hurt.checkpoint, default: []].formUnion(hurt.tensors) }
    if name.hasSuffix(".pack") {
      // Of a pack it may be a part that is hurt.
      for (checkpoint, tensors) in hurts
      where !expected.contains(where: { $0.checkpoint == checkpoint && tensors.isSubset(of: $0.tensors) }) {
        problems.append("\(checkpoint) is hurt, verify says, in \(tensors)")
      }
      if hurts.isEmpty { problems.append("verify does not say what is hurt") }
    } else {
      let found = Set(hurts.map { VerifyReport.Hurt(checkpoint: $0.key, tensors: $0.value.sorted()) })
      if found != expected { problems.append("verify says that \(found) are hurt, not \(expected)") }
    }
    if !report.problems.contains(where: { $0.what.contains(name.split(separator: ".")[0]) }) {
      problems.append("verify names \(report.problems.map(\.what))")
    }
  }

  /// Repairs, looks that all that shares nothing with what is hurt is whole, and saves everything once more.
  private func mend(_ repository: Repository) throws {
    var options = VerifyOptions()
    options.readData = true
    options.repair = true
    _ = try repository.verify(options)
    let hurt = Set(expected?.map(\.checkpoint) ?? [])
    for (name, storages) in specimen.holds where !hurt.contains(name) {
      if try repository.load(name) != storages { problems.append("\(name) after repair: wrong bytes") }
    }
    for (name, storages) in specimen.holds { try repository.save(storages, "again/\(name.prefix(1))\(name.suffix(1))") }
    _ = try repository.collectGarbage()
    try expectWhole(repository, "repair and another save")
  }

  private func expectWhole(_ repository: Repository, _ after: String) throws {
    load(repository, mayFail: false)
    let listing = try repository.listing().filter { !$0.path.hasPrefix("again/") }
    if listing != specimen.listing { problems.append("after \(after) the listing is another one: \(listing)") }
    let wrong = try repository.wrongCounts()
    if wrong != [] { problems.append("after \(after): \(wrong)") }
    var options = VerifyOptions()
    options.readData = true
    let report = try repository.verify(options)
    for problem in report.problems { problems.append("after \(after): \(problem.what): \(problem.problem)") }
  }
}
