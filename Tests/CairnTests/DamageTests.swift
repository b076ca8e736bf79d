import Cairn
import Foundation
import Testing

/// A blob that is not what was written: the file, the checkpoint and its tensors are named, and nothing half is left.
@Suite struct DamageTests {
  enum Damage: CaseIterable { case corrupted, truncated, missing }

  static let formats: [ExportFormat?] = [nil, .pytorch, .safetensors]

  private func harm(_ path: String, _ damage: Damage) throws {
    switch damage {
    case .corrupted:
      var bytes = try contents(path)
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: URL(fileURLWithPath: path))
    case .truncated: try cut(path, to: 1000)
    case .missing: unlink(path)
    }
  }

  private func state() throws -> Checkpoint {
    var random = SeededGenerator(seed: 9)
    let values = (0..<50_000).map { _ in Float(random.next() >> 40) }
    return ["layer": ["weight": .tensor(try Tensor(values)), "small": .tensor(try Tensor([1, 2, 3] as [Float]))]]
  }

  @Test(arguments: Damage.allCases, ["state", "file", "directory", "safetensors"])
  func aDamagedBlobFailsARestoreAndLeavesNothing(_ damage: Damage, _ kind: String) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(state(), SaveRequest(path: kind))
    if kind != "state" {
      let folder = scratch.path + "/in"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      var options = RestoreOptions()
      options.format = kind == "file" ? .pytorch : .safetensors
      _ = try repository.restore(PathName(path: kind), to: folder + "/file", options)
      _ = try repository.remove(PathName(path: kind))
      _ = try repository.save(file: kind == "directory" ? folder : folder + "/file", SaveRequest(path: kind))
      try FileManager.default.removeItem(atPath: folder)
    }
    let blob = try #require(try repository.blobFiles().first { $0.size == 64 * 1024 })
    try harm(blob.path, damage)
    for format in Self.formats {
      var options = RestoreOptions()
      options.format = format
      do {
        _ = try repository.restore(PathName(path: kind), to: scratch.path + "/out", options)
        Issue.record("it was restored as \(String(describing: format))")
      } catch let error as CairnError {
        // The first one to find it damaged has set it aside; from then on it is missing.
        #expect(error.kind == (damage == .missing || format != Self.formats[0] ? .missing : .damaged))
        #expect(error.message.contains(blob.path), "\(error)")
        #expect(error.message.contains(kind + "@"), "\(error)")
        #expect(error.message.contains("layer.weight"), "\(error)")
        #expect(!error.advice.isEmpty)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [".cairn"])
    }
    #expect(throws: CairnError.self) { _ = try repository.load(PathName(path: kind), .copied) }
    // The same bytes saved again, once verify has set the bad ones aside, heal it.
    var options = VerifyOptions()
    options.readData = true
    let found = try repository.verify(options).problems
    #expect(found.contains { problem in problem.hurts.contains { $0.checkpoint.hasPrefix(kind + "@") } })
    _ = try repository.save(state(), SaveRequest(path: "again"))
    #expect(try repository.load(PathName(path: "again")) == state())
    #expect(throws: Never.self) { _ = try repository.load(PathName(path: kind), .copied) }
  }

  @Test(arguments: Damage.allCases)
  func aDamagedPackIsNamedToo(_ damage: Damage) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let values = (0..<400).map { Float($0) }
    _ = try repository.save(["a": .tensor(try Tensor(values))], SaveRequest(path: "m"))
    let pack = try #require(try repository.blobFiles().first { $0.path.hasSuffix(".pack") })
    try harm(pack.path, damage)
    do {
      _ = try repository.restore(PathName(path: "m"), to: scratch.path + "/out")
      Issue.record("it was restored")
    } catch let error as CairnError {
      #expect([.damaged, .missing].contains(error.kind))
      #expect(error.message.contains("/blobs/") && error.message.contains("m@1") && error.message.contains(" a"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [".cairn"])
  }

  @Test(arguments: Damage.allCases)
  func aDamagedManifestIsNamedToo(_ damage: Damage) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let report = try repository.save(state(), SaveRequest(path: "m"))
    let manifest = try #require(try repository.blobFiles().first { $0.path.contains(report.manifest.hex) })
    switch damage {
    case .corrupted, .missing: try harm(manifest.path, damage)
    case .truncated: try cut(manifest.path, to: 20)
    }
    do {
      _ = try repository.restore(PathName(path: "m"), to: scratch.path + "/out")
      Issue.record("it was restored")
    } catch let error as CairnError {
      #expect([.damaged, .missing].contains(error.kind), "\(error)")
      #expect(error.message.contains(report.manifest.hex), "\(error)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [".cairn"])
  }

  @Test(arguments: ["../evil", "/evil", "a/../../evil", "a//b", "a/.", "nul\0"])
  func aFileThatIsNamedOutwardIsNeverRestored(_ path: String) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let files = [path, "good"].map {
      Manifest.File(
        path: $0, size: 3, modified: 0, modifiedNanoseconds: 0, format: "opaque", segments: [.inline([1, 2, 3])])
    }
    let content = CheckpointContent(content: .files(files), tensors: [], metadata: [:], sources: [])
    #expect(throws: CairnError.self) {
      _ = try repository.save(content, SaveRequest(path: "m"))
      _ = try repository.restore(PathName(path: "m"), to: scratch.path + "/out")
    }
    #expect(try repository.checkpoints().isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [".cairn"])
  }

  @Test func aStateHasNoOriginalFile() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(state(), SaveRequest(path: "m"))
    var options = RestoreOptions()
    options.format = .original
    #expect(throws: CairnError.self) { try repository.restore(PathName(path: "m"), to: scratch.path + "/out", options) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [".cairn"])
  }

  @Test func whatIsAtTheDestinationIsNeverTouchedUnlessAllowed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(state(), SaveRequest(path: "m"))
    let manager = FileManager.default
    let out = scratch.path + "/out"
    try Data("mine".utf8).write(to: URL(fileURLWithPath: out))
    try manager.createSymbolicLink(atPath: scratch.path + "/link", withDestinationPath: "nothing")
    for format in Self.formats {
      var options = RestoreOptions()
      options.format = format
      for path in [out, scratch.path + "/link", scratch.path] {
        do {
          _ = try repository.restore(PathName(path: "m"), to: path, options)
          Issue.record("\(path) was replaced")
        } catch let error as CairnError {
          #expect(error.kind == .alreadyExists)
          #expect(error.message.contains(path))
        }
      }
      #expect(try contents(out) == Data("mine".utf8))
      #expect(!manager.fileExists(atPath: scratch.path + "/nothing"))
    }
    // A restore that fails does not touch what it would have replaced.
    let blob = try #require(try repository.blobFiles().first { $0.size == 64 * 1024 })
    let bytes = try contents(blob.path)
    try harm(blob.path, .corrupted)
    var options = RestoreOptions()
    options.overwrite = true
    #expect(throws: CairnError.self) { try repository.restore(PathName(path: "m"), to: out, options) }
    #expect(try contents(out) == Data("mine".utf8))
    try bytes.write(to: URL(fileURLWithPath: blob.path))
    _ = try repository.restore(PathName(path: "m"), to: out, options)
    #expect(try contents(out).count > 200_000)
    #expect(throws: CairnError.self) {
      try repository.restore(PathName(path: "m"), to: scratch.path + "/no/such/folder/out")
    }
    #expect(try Set(manager.contentsOfDirectory(atPath: scratch.path)) == [".cairn", "out", "link"])
  }
}
