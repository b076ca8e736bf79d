import CairnCore
import CairnFormats
import Testing

@Suite struct PickleMetadataTests {
  @Test func aLightningCheckpointGivesItsPlainValues() throws {
    let graph = StateGraph()
    let tensor = graph.tensor(graph.storage("0", 1), [1], [1])
    var config = PickleObject(.newObject, graph.global("my.module", "Config"), graph.tuple())
    config.state = graph.dict([("width", graph.int(8))])
    let parameters = graph.dict([
      ("lr", graph.float(0.1)), ("config", graph.add(.object(config))),
      ("huge", graph.add(.bigInt([UInt8](repeating: 1, count: 9)))),
      ("nan", graph.float(.nan)), ("start", tensor), ("layers", graph.tuple(graph.int(1), tensor)),
    ])
    let contents = try graph.contents(
      graph.dict([
        ("epoch", graph.int(3)), ("global_step", graph.int(40)), ("pytorch-lightning_version", graph.text("2.6.6")),
        ("state_dict", graph.dict([("w", tensor)])), ("hyper_parameters", parameters),
        ("mine", graph.add(.list([graph.text("x")]))),
      ]))
    #expect(contents.epoch == 3)
    #expect(contents.step == 40)
    #expect(contents.metadata["pytorch-lightning_version"] == "2.6.6")
    #expect(contents.metadata["mine"] == ["x"])
    #expect(contents.metadata["state_dict"] == nil)
    #expect(
      contents.metadata["hyper_parameters"] == [
        "lr": 0.1, "config": ["__class__": "my.module.Config", "width": 8], "huge": "18519084246547628289",
        "nan": "NaN",
        "layers": [1, ["__class__": "torch.Tensor"]],
      ])
  }

  @Test func metadataIsBoundedWhateverTheStateHolds() throws {
    let graph = StateGraph()
    let long = graph.text(String(repeating: "x", count: 100_000))
    let many = graph.add(.list((0..<5000).map { graph.int($0) }))
    let strings = graph.add(.list([Int](repeating: long, count: 900)))
    let contents = try graph.contents(graph.dict([("long", long), ("many", many), ("strings", strings)]))
    #expect(contents.metadata["long"]?.stringValue?.utf8.count == 4096 + "…".utf8.count)
    guard case .array(let values)? = contents.metadata["many"] else { throw Failure.unexpected }
    #expect(values.count == 1001)
    #expect(values.last == "… (4000 more)")
    #expect(try JSONValue.object(contents.metadata).serialized().count < 300 << 10)
  }

  private func callbacks(_ graph: StateGraph, _ best: [(String, Int)]) -> Int {
    let score = graph.float(9)
    let callback = graph.dict([
      ("monitor", graph.text("val_loss")), ("current_score", score), ("best_k_models", graph.dict(best)),
    ])
    return graph.dict([("callbacks", graph.dict([("ModelCheckpoint{}", callback)]))])
  }

  @Test func aMetricIsTakenOnlyFromTheFilesOwnPath() throws {
    let graph = StateGraph()
    let tensor = graph.tensor(graph.storage("0", 1), [], [])
    let root = callbacks(graph, [("/a/run/ckpt/best.ckpt", tensor), ("/a/run/ckpt/other.ckpt", graph.float(2))])
    func metrics(_ path: String?) throws -> [String: PyTorchContents.MetricValue] {
      try graph.contents(root, savedAs: path).metrics
    }
    guard case .tensor(let entry)? = try metrics("/a/run/ckpt/best.ckpt")["val_loss"] else { throw Failure.unexpected }
    #expect(entry.name == "callbacks.ModelCheckpoint{}.best_k_models./a/run/ckpt/best.ckpt")
    #expect(entry.storage == 0)
    #expect(try metrics("/a/run/ckpt/other.ckpt") == ["val_loss": .number(2)])
    // Moved, with its directory.
    #expect(try metrics("/backup/ckpt/other.ckpt") == ["val_loss": .number(2)])
    // A checkpoint that did not enter the best has no metric, although there is a current score.
    #expect(try metrics("/a/run/ckpt/last.ckpt").isEmpty)
    #expect(try metrics("/a/run/elsewhere/other.ckpt").isEmpty)
    #expect(try metrics("other.ckpt").isEmpty)
    #expect(try metrics(nil).isEmpty)
  }

  @Test func twoPathsThatLookAlikeGiveNoMetric() throws {
    let graph = StateGraph()
    let root = callbacks(graph, [("/a/ckpt/best.ckpt", graph.float(1)), ("/b/ckpt/best.ckpt", graph.float(2))])
    #expect(try graph.contents(root, savedAs: "/c/ckpt/best.ckpt").metrics.isEmpty)
    #expect(try graph.contents(root, savedAs: "/b/ckpt/best.ckpt").metrics == ["val_loss": .number(2)])
  }
}
