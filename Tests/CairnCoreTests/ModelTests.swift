import Foundation
import Testing

@testable import CairnCore

/// Random saves, overwrites, copies and removals against a model that keeps every byte.
@Suite struct ModelTests {
  struct Model {
    struct Saved {
      var id: String
      var path: String
      var version: Int
      var manifest: Digest
      var storages: [[UInt8]]
      var name: String { "\(path)@\(version)" }
    }
    var saved: [Saved] = []
    var lastVersions: [String: Int] = [:]

    mutating func add(_ report: SaveReport, _ storages: [[UInt8]], keep: Int?) {
      #expect(report.version == lastVersions[report.path, default: 0] + 1, "a version number is given once")
      lastVersions[report.path] = report.version
      saved.append(
        Saved(
          id: report.id, path: report.path, version: report.version, manifest: report.manifest, storages: storages))
      if let keep {
        let kept = Set(saved.filter { $0.path == report.path }.map(\.version).sorted().suffix(keep))
        saved.removeAll { $0.path == report.path && !kept.contains($0.version) }
      }
    }
  }

  let pool: [[UInt8]] =
    [0, 1, 90, 4_000, 4_096].enumerated().flatMap { index, size in
      [bytes(size, seed: UInt64(index) + 1), bytes(size, seed: UInt64(index) + 101)]
    } + [4_097, 65_536, 65_537, 150_000].enumerated().map { bytes($1, seed: UInt64($0) + 201) } + [
      bytes(65_536, seed: 202) + bytes(65_536, seed: 202) + bytes(10, seed: 3)
    ]

  @Test(arguments: JournalMode.allCases, [1])
  func anySequenceOfSavesAndRemovalsKeepsCountsAndBytes(_ journal: JournalMode, seed: Int) throws {
    let scratch = try Scratch()
    let handles = try [scratch.repository(journal), Repository(opening: scratch.path)]
    var random = SeededGenerator(seed: UInt64(seed))
    var model = Model()
    for step in 1...400 {
      try act(on: handles[Int.random(in: 0...1, using: &random)], &model, &random)
      if step % 100 == 0 { try check(handles[step / 100 % 2], scratch, model) }
      if step % 200 == 0 {
        let report = try handles[0].collectGarbage()
        #expect(report.warnings == [])
        try check(handles[0], scratch, model)
        let before = try handles[0].listing()
        try handles[1].reindex()
        #expect(try handles[0].listing() == before, "reindex changes nothing that a user sees")
        try check(handles[0], scratch, model)
      }
    }
    for path in Set(model.saved.map(\.path)) { _ = try handles[0].remove(PathName(path: path)) }
    #expect(scratch.blobFiles() == [])
    #expect(try handles[0].wrongCounts() == [])
  }

  private func act(on repository: Repository, _ model: inout Model, _ random: inout SeededGenerator) throws {
    let path = ["a", "b/c", "last"].randomElement(using: &random) ?? "a"
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<10:
      let storages = (0..<Int.random(in: 0...4, using: &random)).map { _ in pool.randomElement(using: &random) ?? [] }
      let keep: Int? = [nil, 1, 2, 3].randomElement(using: &random) ?? nil
      model.add(try repository.save(storages, path, keep: keep), storages, keep: keep)
    case 10..<12:
      guard let source = model.saved.randomElement(using: &random) else { return }
      let report = try repository.copy(PathName(parsing: source.name), SaveRequest(path: path))
      model.add(report, source.storages, keep: nil)
    case 12..<16:
      guard let gone = model.saved.randomElement(using: &random) else { return }
      #expect(try repository.remove(PathName(parsing: gone.name)).removed == [gone.name])
      model.saved.removeAll { $0.id == gone.id }
    case 16:
      let removed = try repository.remove(PathName(path: path)).removed
      #expect(Set(removed) == Set(model.saved.filter { $0.path == path }.map(\.name)))
      model.saved.removeAll { $0.path == path }
    case 17, 18:
      let gone = Set(model.saved.shuffled(using: &random).prefix(2).map(\.id))
      #expect(try repository.remove(ids: Array(gone) + ["unknown"]).removed.count == gone.count)
      model.saved.removeAll { gone.contains($0.id) }
    default:
      if Int.random(in: 0..<10, using: &random) == 0 {
        _ = try repository.collectGarbage()
      } else {
        #expect(try repository.remove(PathName(path: "never saved")).removed == [])
      }
    }
  }

  private func check(_ repository: Repository, _ scratch: Scratch, _ model: Model) throws {
    #expect(try repository.wrongCounts() == [])
    #expect(try repository.names() == model.saved.map(\.name).sorted())
    for saved in model.saved {
      let loaded = try repository.load(saved.name)
      #expect(loaded == saved.storages, "\(saved.name)")
    }
    var own: Set<String> = Set(model.saved.map { $0.manifest.hex + ".zst" })
    var small: Set<Digest> = []
    for storage in model.saved.flatMap(\.storages) {
      for start in stride(from: 0, to: storage.count, by: 65_536) {
        let chunk = storage[start..<min(start + 65_536, storage.count)]
        if chunk.count <= BlobStore.packedLimit {
          small.insert(Digest(hashing: chunk))
        } else {
          own.insert(Digest(hashing: chunk).hex)
        }
      }
    }
    var packed: Set<Digest> = []
    for file in scratch.blobFiles() {
      let name = String(file.dropFirst(3))
      #expect(name.hasPrefix(file.prefix(2)))
      if name.hasSuffix(".pack") {
        let content = try #require(try Files.contents(scratch.path + "/.cairn/blobs/" + file))
        #expect(Digest(hashing: content).hex + ".pack" == name)
        let pack = try ReadPack(reading: content)
        let needed = Set(pack.entries.map(\.digest)).intersection(small)
        #expect(!needed.isEmpty, "a pack that nothing needs")
        packed.formUnion(needed)
      } else {
        #expect(own.remove(name) != nil, "a file that nothing needs: \(name)")
      }
    }
    #expect(own == [], "files that are needed")
    #expect(packed == small)
    #expect(try Files.names(in: scratch.path + "/.cairn/tmp") == [])
  }
}
