import Cairn
import Foundation
import Testing

/// The same bytes are stored once, however they come in; and what shared memory shares it again.
@Suite struct SharingTests {
  private static let side = 256

  /// Tensors that are each a whole storage, large enough for files of their own.
  private func weights(_ seed: UInt64) throws -> [(name: String, tensor: Tensor)] {
    var random = SeededGenerator(seed: seed)
    return try (0..<3).map { number in
      let values = (0..<Self.side * Self.side).map { _ in Float(random.next() >> 40) }
      return ("w\(number)", try Tensor(values, shape: [Self.side, Self.side]))
    }
  }

  @Test func aStorageFromMemoryAContainerAndSafetensorsIsStoredOnce() throws {
    let scratch = try Scratch()
    let source = try scratch.repository()
    let weights = try weights(1)
    let state = Checkpoint.dictionary(CheckpointDictionary(weights.map { (.string($0.name), .tensor($0.tensor)) }))
    let bytes = weights.reduce(0) { $0 + $1.tensor.storage.byteCount }
    _ = try source.save(state, SaveRequest(path: "state"))
    let container = scratch.path + "/a.ckpt"
    let safetensors = scratch.path + "/a.safetensors"
    _ = try source.restore(PathName(path: "state"), to: container)
    var options = RestoreOptions()
    options.format = .safetensors
    _ = try source.restore(PathName(path: "state"), to: safetensors, options)

    let kinds = ["memory", "container", "safetensors"]
    for first in kinds {
      let repository = try Repository.initialize(scratch.path + "/" + first, chunkSize: 64 * 1024)
      func save(_ kind: String) throws -> SaveReport {
        switch kind {
        case "memory": try repository.save(state, SaveRequest(path: kind))
        case "container": try repository.save(file: container, SaveRequest(path: kind))
        default: try repository.save(file: safetensors, SaveRequest(path: kind))
        }
      }
      #expect(try save(first).newBytes >= bytes)
      for other in kinds where other != first {
        let report = try save(other)
        #expect(report.newBytes < 16 * 1024, "\(other) after \(first): \(report.newBytes)")
        #expect(report.size >= bytes)
      }
      #expect(try repository.stats().storedBytes < bytes + 48 * 1024)
      // One goes, the others stay whole.
      _ = try repository.remove(PathName(path: first))
      for other in kinds where other != first { #expect(try repository.load(PathName(path: other)) == state) }
    }
  }

  @Test func aChangedRowCostsOneChunk() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let tensor = try weights(2)[0].tensor
    _ = try repository.save(["table": .tensor(tensor)], SaveRequest(path: "table"))
    tensor.storage.withUnsafeMutableBytes { $0[100_000] ^= 1 }
    let report = try repository.save(["table": .tensor(tensor)], SaveRequest(path: "table"))
    #expect((64 * 1024...72 * 1024).contains(report.newBytes))
  }

  @Test func aFrozenBackboneIsStoredOnceInAFineTuningRun() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let files = Fixtures.files("finetune")
    #expect(files.count == 6)
    var sizes: [Int] = []
    for file in files { sizes.append(try repository.save(file: file, SaveRequest(path: file)).newBytes) }
    let stats = try repository.stats()
    let logical = try files.reduce(0) { try $0 + contents($1).count }
    #expect(stats.logicalBytes == logical)
    // 216 kB of backbone six times, of which five are free; last.ckpt is as the last epoch.
    #expect(stats.storedBytes < logical - 5 * 210_000)
    #expect(sizes.dropFirst().allSatisfy { $0 < 75_000 })
    #expect((sizes.last ?? .max) < 40_000)
    let blobs = try repository.blobFiles().reduce(0) { $0 + $1.size }
    #expect(blobs < logical / 2)
  }

  @Test(arguments: [LoadMode.copied, .mapped])
  func tiedWeightsAndViewsShareAStorageAgain(_ mode: LoadMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let storage = try weights(3)[0].tensor.storage
    let whole = try Tensor(dtype: .float32, shape: [Self.side, Self.side], storage: storage)
    let turned = try Tensor(dtype: .float32, shape: [Self.side, 4], strides: [1, Self.side], storage: storage)
    let part = try Tensor(dtype: .float32, shape: [7], byteOffset: 4096, storage: storage)
    let state: Checkpoint = [
      "a": .tensor(whole), "tied": .tensor(whole), "turned": .tensor(turned), "p": .tensor(part),
    ]
    let report = try repository.save(state, SaveRequest(path: "state"))
    #expect(report.size < storage.byteCount + 8192)
    let file = scratch.path + "/views.pt"
    _ = try repository.restore(PathName(path: "state"), to: file)
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    for path in ["state", "file"] {
      let loaded = try repository.load(PathName(path: path), mode)
      #expect(loaded == state)
      let tensors = try ["a", "tied", "turned", "p"].map { try #require(loaded[$0]?.tensor) }
      #expect(tensors.allSatisfy { $0.storage === tensors[0].storage })
      #expect(tensors[2].strides == [1, Self.side])
      tensors[0].storage.withUnsafeMutableBytes { $0[4096] ^= 1 }
      #expect(tensors[3] != part)
    }
  }

  @Test func safetensorsInShardsLoadAsOneStateAndComeBackAsTheyWere() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let folder = Fixtures.directory + "/safetensors/sharded"
    let input = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: input, withIntermediateDirectories: true)
    var names: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where !name.hasSuffix("safetensors.json") {
      try FileManager.default.copyItem(atPath: folder + "/" + name, toPath: input + "/" + name)
      if name.hasSuffix(".safetensors") { names.formUnion(try Sidecar(of: folder + "/" + name).tensors.map(\.name)) }
    }
    _ = try repository.save(file: input, SaveRequest(path: "sharded"))
    for mode in [LoadMode.copied, .mapped] {
      let state = try repository.load(PathName(path: "sharded"), mode)
      #expect(Set(state.dictionary?.keys.compactMap(\.string) ?? []) == names)
      for file in Fixtures.files("safetensors/sharded") {
        for wanted in try Sidecar(of: file).tensors {
          let tensor = try #require(state[wanted.name]?.tensor)
          #expect(tensor.shape == wanted.shape && tensor.dtype.rawValue == wanted.dtype)
          #expect(Digest(hashing: tensor.storage.bytes).hex == wanted.storageSha256)
        }
      }
    }
    try expectDirectoryComesBack(repository, "sharded", input, scratch.path + "/out")
  }

  @Test func aDistributedCheckpointComesBackAsItWas() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let folder = Fixtures.directory + "/dcp/step-4"
    let report = try repository.save(file: folder, SaveRequest(path: "dcp"))
    #expect(report.size > 0)
    try expectDirectoryComesBack(repository, "dcp", folder, scratch.path + "/out")
    #expect(throws: CairnError.self) { _ = try repository.load(PathName(path: "dcp")) }
  }

  @Test func aTreeOfFilesComesBackWithLinksFollowed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let input = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: input + "/a/b", withIntermediateDirectories: true)
    try Data("one".utf8).write(to: URL(fileURLWithPath: input + "/a/b/one"))
    try Data().write(to: URL(fileURLWithPath: input + "/a/empty"))
    try FileManager.default.createSymbolicLink(atPath: input + "/link", withDestinationPath: "a/b/one")
    _ = try repository.save(file: input, SaveRequest(path: "tree"))
    _ = try repository.restore(PathName(path: "tree"), to: scratch.path + "/out")
    #expect(try contents(scratch.path + "/out/link") == Data("one".utf8))
    #expect(try contents(scratch.path + "/out/a/b/one") == Data("one".utf8))
    #expect(try contents(scratch.path + "/out/a/empty").isEmpty)
    // Over what is there only when told to, and then nothing of it stays.
    try Data().write(to: URL(fileURLWithPath: scratch.path + "/out/stray"))
    #expect(throws: CairnError.self) { try repository.restore(PathName(path: "tree"), to: scratch.path + "/out") }
    var options = RestoreOptions()
    options.overwrite = true
    _ = try repository.restore(PathName(path: "tree"), to: scratch.path + "/out", options)
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/out/stray"))
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted()
    #expect(names == [".cairn", "in", "out"])
  }

  @Test func aDirectoryOfManyFilesTakesFewDescriptors() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let input = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: input, withIntermediateDirectories: true)
    for number in 0..<300 { try Data("file \(number)".utf8).write(to: URL(fileURLWithPath: input + "/\(number)")) }
    var request = SaveRequest(path: "many")
    request.progress = { _, _ in
      let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
      let ours = open.count {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0))?.hasPrefix(input) == true
      }
      #expect(ours < 200)
    }
    _ = try repository.save(file: input, request)
    try expectDirectoryComesBack(repository, "many", input, scratch.path + "/out")
  }

  private func expectDirectoryComesBack(
    _ repository: Repository, _ name: String, _ original: String, _ out: String
  ) throws {
    _ = try repository.restore(PathName(path: name), to: out)
    let names = try FileManager.default.subpathsOfDirectory(atPath: original).sorted()
    #expect(try FileManager.default.subpathsOfDirectory(atPath: out).sorted() == names)
    for name in names {
      #expect(try contents(out + "/" + name) == contents(original + "/" + name))
      let times = try [original, out].map {
        try FileManager.default.attributesOfItem(atPath: $0 + "/" + name)[.modificationDate] as? Date
      }
      #expect(times[0] == times[1])
    }
  }
}
