import Cairn

/// Training runs that never were: each checkpoint is the one before it of its run with a tenth of its tensors changed.
struct SyntheticHistory {
  let checkpoints: Int
  let tensors: Int
  let runs: Int
  /// How many of the tensors change from one checkpoint to the next of a run.
  var changed: Int { max(tensors / 10, 1) }

  private var random = SeededGenerator(seed: 10)
  private var states: [[Manifest.Chunk]] = []
  private let names: [String]

  /// Bytes of each tensor: four megabytes, one blob.
  static let shape = [1_024, 1_024]
  static let tensorBytes = 1_024 * 1_024 * 4

  init(checkpoints: Int, tensors: Int, runs: Int) {
    self.checkpoints = checkpoints
    self.tensors = tensors
    self.runs = runs
    names = Self.names(tensors)
  }

  static func names(_ count: Int) -> [String] {
    let parts = [
      "attention.query.weight", "attention.key.weight", "attention.value.weight", "attention.output.weight",
      "attention.output.bias", "mlp.up.weight", "mlp.up.bias", "mlp.down.weight", "mlp.down.bias", "norm.weight",
    ]
    return (0..<count).map { "state_dict.model.layers.\($0 / parts.count).\(parts[$0 % parts.count])" }
  }

  /// The path of a run's checkpoints.
  static func path(ofRun run: Int) -> String { "sweep-\(run)/last.ckpt" }

  /// Makes the whole history in a repository. Manifests are written for the newest checkpoints of each run only: those
  /// that can be opened.
  mutating func write(to repository: Repository, progress: (Int) -> Void) throws {
    for _ in 0..<runs { states.append((0..<tensors).map { _ in chunk() }) }
    let batch = 100
    for start in stride(from: 0, to: checkpoints, by: batch) {
      var saves: [BulkSave] = []
      for index in start..<min(start + batch, checkpoints) { saves.append(save(index)) }
      try repository.commitInBulk(saves)
      progress(start + saves.count)
    }
  }

  private mutating func save(_ index: Int) -> BulkSave {
    // Runs do not take turns: they go on at once, each at its own pace.
    let run = index < runs ? index : Int.random(in: 0..<runs, using: &random)
    let isFirst = index == run
    if !isFirst { for _ in 0..<changed { states[run][Int.random(in: 0..<tensors, using: &random)] = chunk() } }
    var request = SaveRequest(path: Self.path(ofRun: run))
    request.run = "sweep-\(run)"
    request.step = index * 100
    request.epoch = index / 100
    let loss = 4 / Double(index + 1) + Double.random(in: 0..<0.1, using: &random)
    request.metrics = ["train_loss": loss, "val_loss": loss * 1.1, "accuracy": 1 - loss / 5]
    let entries = names.enumerated().map { place, name in
      TensorEntry(
        name: name, dtype: "float32", shape: Self.shape, strides: [Self.shape[1], 1], byteOffset: 0, storage: place)
    }
    let manifest = Manifest(
      tensors: entries, chunks: states[run], skeleton: [0x80, 2, 0x7D, 0x2E],
      metadata: [
        "epoch": .int(Int64(index / 100)), "global_step": .int(Int64(index * 100)),
        "hyper_parameters": .object(["lr": .double(1e-4 * Double(run + 1)), "hidden": .int(1_024)]),
      ])
    return BulkSave(
      request, manifest, newBytes: (isFirst ? tensors : changed) * Self.tensorBytes,
      keepsManifest: index >= checkpoints - 20 * runs)
  }

  private mutating func chunk() -> Manifest.Chunk {
    let digest = Digest(madeUp: (random.next(), random.next(), random.next(), random.next()))
    return Manifest.Chunk(digest: digest, length: Self.tensorBytes, crc32: 0)
  }
}
