import Cairn
import Foundation
import Testing

/// What the index and the manifest say of a file is what PyTorch itself says.
@Suite struct SidecarTests {
  static let files = FileRoundTripTests.files + Fixtures.files("safetensors/sharded")

  @Test(arguments: files.filter { !$0.contains("legacy") })
  func tensorsAreThoseThatPyTorchSees(_ file: String) throws {
    let sidecar = try Sidecar(of: file)
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    try repository.withCheckpoint(PathName(path: "file")) { record, stored in
      let manifest = stored.manifest
      func digest(_ storage: Int) throws -> String {
        let source = stored.source(storage: storage, verify: true)
        return Digest(hashing: try source.bytes(at: 0, count: source.size)).hex
      }
      guard case .files(let saved) = manifest.content, let layout = saved.first else {
        Issue.record("not kept as a file")
        return
      }
      #expect(layout.format == (sidecar.container == "safetensors" ? "safetensors" : "pytorch"))
      #expect(record.tensorCount == manifest.tensors.count)

      // A storage of the file is what lies there, whatever byte order it is in.
      if sidecar.container != "safetensors" {
        var records = sidecar.storageRecords.map(\.sha256)[...]
        for segment in layout.segments {
          guard case .storage(let position) = segment, try digest(position) == records.first else { continue }
          records.removeFirst()
        }
        #expect(records.isEmpty)
      }
      // Compressed storages have no bytes in the file; PyTorch's bits8 and bits16 have no arithmetic, and no name here.
      if file.hasSuffix("/deflated.pt") || file.hasSuffix("/bits.pt") {
        #expect(manifest.tensors.isEmpty)
        return
      }
      var expected = sidecar.tensors.filter { $0.device != "meta" }
      // A tensor that is the whole state, or under the key "", has no name of its own.
      for index in expected.indices where expected[index].name.isEmpty { expected[index].name = "tensor" }
      let byName = Dictionary(uniqueKeysWithValues: manifest.tensors.map { ($0.name, $0) })
      #expect(byName.count == expected.count)
      var storages: [Int: Int] = [:]
      for wanted in expected {
        guard let found = byName[wanted.name] else {
          Issue.record("\(wanted.name) is not there")
          continue
        }
        let itemSize = try #require(DType(rawValue: found.dtype)).itemSize
        #expect(found.dtype == wanted.dtype, "\(wanted.name)")
        #expect(found.shape == wanted.shape, "\(wanted.name)")
        #expect(found.strides == wanted.strides, "\(wanted.name)")
        #expect(found.byteOffset == wanted.storageOffset * itemSize, "\(wanted.name)")
        #expect(manifest.storages[found.storage].size == wanted.storageNbytes, "\(wanted.name)")
        if let group = wanted.storage {
          #expect(storages[group] ?? found.storage == found.storage, "\(wanted.name) shares a storage")
          storages[group] = found.storage
        }
        if !file.hasSuffix("/big_endian.pt") {
          #expect(try digest(found.storage) == wanted.storageSha256, "\(wanted.name)")
        }
      }
      #expect(Set(storages.values).count == storages.count)
    }
  }

  @Test(arguments: Fixtures.files("finetune") + Fixtures.files("topk"))
  func whatLightningKeepsIsInTheIndex(_ file: String) throws {
    let values = try #require(try Sidecar.values(of: file))
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    let record = try repository.checkpoint(PathName(path: "file"))
    #expect(record.step == values["global_step"]?.intValue)
    #expect(record.epoch == values["epoch"]?.intValue)
    for key in ["epoch", "global_step", "pytorch-lightning_version", "hyper_parameters", "loops"] {
      guard let wanted = values[key] else { continue }
      let found = try #require(record.extracted[key], "\(key)")
      compare(found, wanted, key)
    }
    #expect(record.extracted["state_dict"] == nil)
  }

  /// Equal, but for what JSON has no word for.
  private func compare(_ found: JSONValue, _ wanted: JSONValue, _ place: String) {
    switch (found, wanted) {
    case (_, .object(let members)) where members.keys.contains { $0.hasPrefix("$") }: break
    case (.object(let left), .object(let right)):
      #expect(Set(left.keys) == Set(right.keys), "\(place)")
      for (key, value) in right { if let other = left[key] { compare(other, value, place + "." + key) } }
    case (.array(let left), .array(let right)):
      #expect(left.count == right.count, "\(place)")
      for (index, pair) in zip(left, right).enumerated() { compare(pair.0, pair.1, "\(place).\(index)") }
    default: #expect(found == wanted || found.doubleValue == wanted.doubleValue, "\(place)")
    }
  }

  @Test func anObjectInHyperParametersIsNamedByItsClass() throws {
    let file = try #require(Fixtures.files("finetune").first)
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    let parameters = try #require(try repository.checkpoint(PathName(path: "file")).extracted["hyper_parameters"])
    let text = String(decoding: try parameters.serialized(), as: UTF8.self)
    #expect(text.contains("fixture_classes.Schedule"))
  }

  @Test func aMetricIsTakenOnlyUnderTheFilesOwnPath() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let folder = scratch.path + "/checkpoints"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var metrics: [String: [String: Double]] = [:]
    for file in Fixtures.files("topk") {
      let name = (file as NSString).lastPathComponent
      try FileManager.default.copyItem(atPath: file, toPath: folder + "/" + name)
      _ = try repository.save(file: folder + "/" + name, SaveRequest(path: name))
      metrics[name] = try repository.checkpoint(PathName(path: name)).metrics
    }
    #expect(
      metrics == [
        "best-epoch=1.ckpt": ["val_loss": 1], "every-epoch=0.ckpt": [:], "every-epoch=1.ckpt": [:],
        "every-epoch=2.ckpt": [:],
      ])
    // Elsewhere, and so perhaps another file of the same name, it has none; what the caller says always counts.
    let best = try #require(Fixtures.files("topk").first)
    _ = try repository.save(file: best, SaveRequest(path: "elsewhere"))
    #expect(try repository.checkpoint(PathName(path: "elsewhere")).metrics == [:])
    var request = SaveRequest(path: "given")
    request.metrics = ["val_loss": 7, "accuracy": 0.5]
    request.step = 99
    _ = try repository.save(file: folder + "/best-epoch=1.ckpt", request)
    let given = try repository.checkpoint(PathName(path: "given"))
    #expect(given.metrics == ["val_loss": 7, "accuracy": 0.5])
    #expect(given.step == 99)
    #expect(given.epoch == 1)
  }

  @Test func aStateFindsItsMetricByThePathItIsSavedAt() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    func state(_ path: String) throws -> Checkpoint {
      [
        "callbacks": [
          "c": ["monitor": "loss", "best_k_models": [.string(path): .tensor(try Tensor(scalar: 0.5 as Float))]]
        ]
      ]
    }
    _ = try repository.save(state(scratch.path + "/a/b.ckpt"), SaveRequest(path: "a/b.ckpt"))
    #expect(try repository.checkpoint(PathName(path: "a/b.ckpt")).metrics == ["loss": 0.5])
    // An absolute path is itself.
    _ = try repository.save(state("/b.ckpt"), SaveRequest(path: "/b.ckpt"))
    #expect(try repository.checkpoint(PathName(path: "/b.ckpt")).metrics == ["loss": 0.5])
  }
}
