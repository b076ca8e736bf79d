import Cairn
import Foundation
import Testing

/// Every member of the interface, as a trainer uses it.
@Suite struct CheckpointIOTests {
  let scratch: Scratch
  let repository: Repository

  init() throws {
    scratch = try Scratch()
    repository = try scratch.repository()
  }

  private func versions(_ path: String) throws -> [Int] {
    try repository.checkpoints(paths: [path]).map(\.version).sorted()
  }

  @Test func storageOptionsSayWhatIsKnownOfACheckpoint() throws {
    let io: any CheckpointIO = CairnCheckpointIO(repository, run: "default run")
    var options = StorageOptions()
    options.run = "run 7"
    options.tags = ["best", "newest"]
    options.metrics = ["loss": 0.25]
    options.metadata = ["note": "first", "nested": ["a": [1, nil]]]
    try io.saveCheckpoint(["epoch": 2, "global_step": 40], path: "a.ckpt", storageOptions: options)
    try io.saveCheckpoint(["epoch": 3], path: "b.ckpt")
    let first = try repository.checkpoint(PathName(path: "a.ckpt"))
    #expect(first.run == "run 7")
    #expect(first.tags == ["best", "newest"])
    #expect(first.metrics == ["loss": 0.25])
    #expect(first.metadata == ["note": "first", "nested": ["a": [1, nil]]])
    #expect(first.epoch == 2 && first.step == 40)
    #expect(try repository.checkpoint(PathName(path: "best")).name == "a.ckpt@1")
    #expect(try repository.checkpoint(PathName(path: "b.ckpt")).run == "default run")
    #expect(try io.loadCheckpoint(path: "best")?["epoch"] == 2)
  }

  @Test func aMetricThatIsNoNumberIsLeftOut() throws {
    var options = StorageOptions()
    options.metrics = ["loss": .nan, "gradient": .infinity, "accuracy": 0.5]
    try CairnCheckpointIO(repository).saveCheckpoint([:], path: "m", storageOptions: options)
    #expect(try repository.checkpoint(PathName(path: "m")).metrics == ["accuracy": 0.5])
  }

  @Test func keepVersionsSaysHowManyStay() throws {
    let io = CairnCheckpointIO(repository, keepVersions: 2)
    for epoch in 0..<5 { try io.saveCheckpoint(["epoch": .int(Int64(epoch))], path: "last") }
    #expect(try versions("last") == [4, 5])
    var options = StorageOptions()
    options.keepVersions = 1
    try io.saveCheckpoint(["epoch": 9], path: "last", storageOptions: options)
    #expect(try versions("last") == [6])
    #expect(try io.loadCheckpoint(path: "last")?["epoch"] == 9)
    #expect(throws: CairnError.self) { try io.loadCheckpoint(path: "last@5") }
    options.keepVersions = 0
    #expect(throws: CairnError.self) { try io.saveCheckpoint([:], path: "last", storageOptions: options) }
    #expect(try versions("last") == [6])
    let all = CairnCheckpointIO(repository)
    for _ in 0..<3 { try all.saveCheckpoint([:], path: "all") }
    #expect(try versions("all") == [1, 2, 3])
  }

  @Test func aVersionIsLoadedAndRemovedByItsNumber() throws {
    let io = CairnCheckpointIO(repository)
    for epoch in 1...3 { try io.saveCheckpoint(["epoch": .int(Int64(epoch))], path: "m") }
    #expect(try io.loadCheckpoint(path: "m@2")?["epoch"] == 2)
    try io.removeCheckpoint(path: "m@2")
    #expect(throws: CairnError.self) { try io.loadCheckpoint(path: "m@2") }
    #expect(try io.loadCheckpoint(path: "m")?["epoch"] == 3)
    try io.removeCheckpoint(path: "m@3")
    #expect(try io.loadCheckpoint(path: "m")?["epoch"] == 1)
    try io.saveCheckpoint(["epoch": 4], path: "m")
    // No number is given twice.
    #expect(try versions("m") == [1, 4])
    try io.removeCheckpoint(path: "m")
    #expect(try versions("m") == [])
    do {
      _ = try io.loadCheckpoint(path: "m")
      Issue.record("it was removed")
    } catch let error as CairnError {
      #expect(error.kind == .removed)
    }
    #expect(try repository.stats().unreferencedBytes == 0)
  }

  @Test func removingSomethingUnknownDoesNothing() throws {
    let io = CairnCheckpointIO(repository)
    try io.saveCheckpoint(["a": 1], path: "a")
    for path in ["b", "b@3", "a@2", "a@", "@1", "", "no/such/path", "a/../a"] { try io.removeCheckpoint(path: path) }
    #expect(try io.loadCheckpoint(path: "a")?["a"] == 1)
    for path in ["b", "a@2"] {
      do {
        _ = try io.loadCheckpoint(path: path)
        Issue.record("\(path) was loaded")
      } catch let error as CairnError {
        #expect(error.kind == .notFound)
        #expect(error.description.contains(path))
      }
    }
  }

  @Test func namesThatReadAsVersionsAreRefused() {
    let io = CairnCheckpointIO(repository)
    for path in ["m@2", "", "a\nb"] {
      #expect(throws: CairnError.self) { try io.saveCheckpoint([:], path: path) }
    }
    #expect(throws: Never.self) { try io.saveCheckpoint([:], path: "m@home") }
  }

  @Test func thePropertiesAreThoseOfUpstreamsDefault() {
    let io: any CheckpointIO = CairnCheckpointIO(repository)
    #expect(!io.requiresCPUCollectives && !io.restoreAfterSetup && !io.requiresStateOnLoad)
    struct Late: CheckpointIO {
      func saveCheckpoint(_ checkpoint: Checkpoint, path: String, storageOptions: StorageOptions?) throws {}
      func loadCheckpoint(
        path: String, state: inout Checkpoint?, mapLocation: MapLocation?, weightsOnly: Bool?
      ) throws -> Checkpoint? { nil }
      func removeCheckpoint(path: String) throws {}
      func teardown() {}
      var restoreAfterSetup: Bool { true }
    }
    #expect(Late().requiresStateOnLoad)
  }

  @Test func itCanBeUsedAgainAfterTeardown() throws {
    let io = CairnCheckpointIO(repository)
    try io.saveCheckpoint(["a": .tensor(Tensor(scalar: 1 as Float))], path: "a")
    let loaded = try io.loadCheckpoint(path: "a")
    io.teardown()
    io.teardown()
    #expect(try loaded?["a"]?.tensor?.values(as: Float.self) == [1])
    try io.saveCheckpoint(["b": 2], path: "b")
    #expect(try io.loadCheckpoint(path: "b")?["b"] == 2)
    io.teardown()
    try io.removeCheckpoint(path: "b")
    #expect(try repository.checkpoints().map(\.path) == ["a"])
  }

  @Test func mapLocationSaysWhereStoragesGo() throws {
    let io = CairnCheckpointIO(repository)
    func tensor(_ location: String) throws -> Checkpoint {
      .tensor(try Tensor(dtype: .uint8, shape: [2], storage: TensorStorage([1, 2], location: location)))
    }
    let state: Checkpoint = ["cpu": try tensor("cpu"), "first": try tensor("cuda:0"), "second": try tensor("cuda:1")]
    try io.saveCheckpoint(state, path: "m")
    _ = try repository.save(file: Fixtures.directory + "/pytorch-2.x/cuda_location.pt", SaveRequest(path: "file"))
    func locations(_ path: String, _ map: MapLocation?) throws -> [String] {
      var none: Checkpoint?
      let loaded = try io.loadCheckpoint(path: path, state: &none, mapLocation: map, weightsOnly: nil)
      return loaded?.dictionary?.values.compactMap(\.tensor?.storage.location) ?? []
    }
    #expect(try locations("m", nil) == ["cpu", "cuda:0", "cuda:1"])
    #expect(try locations("m", "cpu") == ["cpu", "cpu", "cpu"])
    #expect(try locations("m", .all("mps")) == ["mps", "mps", "mps"])
    #expect(try locations("m", ["cuda:0": "cuda:1", "cuda:1": "cuda:0"]) == ["cpu", "cuda:1", "cuda:0"])
    #expect(try locations("m", .function { $0 == "cpu" ? "cuda:3" : "cpu" }) == ["cuda:3", "cpu", "cpu"])
    let saved = try locations("file", nil)
    #expect(saved.contains { $0.hasPrefix("cuda") })
    #expect(try locations("file", "cpu").allSatisfy { $0 == "cpu" })
  }

  @Test func weightsOnlyRefusesAnObjectAndNamesItsClassAndPlace() throws {
    let io = CairnCheckpointIO(repository)
    let file = try #require(Fixtures.files("finetune").first)
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    _ = try repository.save(try repository.load(PathName(path: "file")), SaveRequest(path: "state"))
    for path in ["file", "state"] {
      var none: Checkpoint?
      do {
        _ = try io.loadCheckpoint(path: path, state: &none, mapLocation: nil, weightsOnly: true)
        Issue.record("\(path) was loaded")
      } catch let error as StateError {
        #expect(error.description.contains("fixture_classes.Schedule"))
        #expect(error.description.contains("hyper_parameters"))
      }
      for flag in [false, nil] as [Bool?] {
        let loaded = try io.loadCheckpoint(path: path, state: &none, mapLocation: nil, weightsOnly: flag)
        #expect(loaded?["epoch"]?.int == 0)
      }
    }
    let weights = Fixtures.directory + "/pytorch-2.x/weights.pt"
    _ = try repository.save(file: weights, SaveRequest(path: "weights"))
    var none: Checkpoint?
    #expect(try io.loadCheckpoint(path: "weights", state: &none, mapLocation: nil, weightsOnly: true) != nil)
  }
}
