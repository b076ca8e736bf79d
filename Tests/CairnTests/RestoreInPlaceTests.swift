import Cairn
import Testing

/// `loadCheckpoint(path:state:)`: a state is restored in the memory that it has.
@Suite struct RestoreInPlaceTests {
  let scratch: Scratch
  let repository: Repository
  let io: CairnCheckpointIO

  init() throws {
    scratch = try Scratch()
    repository = try scratch.repository()
    io = CairnCheckpointIO(repository)
  }

  private func load(_ path: String, into state: inout Checkpoint?) throws -> Checkpoint? {
    try io.loadCheckpoint(path: path, state: &state, mapLocation: nil, weightsOnly: nil)
  }

  @Test func theRestKeepsItsOrderTypeAndAttributes() throws {
    let keys = (0..<2_000).map { Checkpoint.string("k\($0)") }
    let pairs = keys.map { ($0, $0) }
    let saved = Checkpoint.dictionary(CheckpointDictionary(pairs, kind: .ordered, attributes: ["_metadata": 1]))
    let wanted = Checkpoint.dictionary(CheckpointDictionary(keys.prefix(1_000).reversed().map { ($0, nil) }))
    let (state, rest) = try StateRestoration.restore(wanted, from: saved)
    #expect(state.dictionary?.keys == keys.prefix(1_000).reversed())
    #expect(state.dictionary?.values == keys.prefix(1_000).reversed())
    #expect(
      rest == .dictionary(CheckpointDictionary(pairs.suffix(1_000), kind: .ordered, attributes: ["_metadata": 1])))
  }

  @Test func tensorsKeepTheirMemoryAndTheRestIsReturned() throws {
    let saved: Checkpoint = [
      "model": ["w": .tensor(try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])), "n": 5],
      "optimizer": [["lr": 0.1, "m": .tensor(try Tensor([9] as [Double]))]], "epoch": 7, "other": ["x": nil],
    ]
    try io.saveCheckpoint(saved, path: "m")
    let weight = try Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
    let moment = try Tensor([0] as [Double])
    var state: Checkpoint? = [
      "model": ["w": .tensor(weight), "n": 0], "optimizer": [["lr": 0.5, "m": .tensor(moment)]], "epoch": 0,
    ]
    let rest = try load("m", into: &state)
    #expect(rest == ["other": ["x": nil]])
    #expect(try weight.values(as: Float.self) == [1, 2, 3, 4])
    #expect(try moment.values(as: Double.self) == [9])
    #expect(state?["model"]?["w"]?.tensor?.storage === weight.storage)
    #expect(state?["model"]?["n"] == 5)
    #expect(state?["epoch"] == 7)
    #expect(state?["optimizer"]?[0]?["lr"] == 0.1)
    // The checkpoint itself is not what was written to.
    weight.storage.withUnsafeMutableBytes { $0[0] = 99 }
    #expect(try io.loadCheckpoint(path: "m") == saved)
  }

  @Test func viewsAndTiedTensorsAreRestoredInPlace() throws {
    let saved: Checkpoint = [
      "turned": .tensor(try Tensor([1, 2, 3, 4, 5, 6] as [Int16], shape: [3, 2])),
      "part": .tensor(try Tensor([10, 20] as [Int16])), "tied": .tensor(try Tensor([10, 20] as [Int16])),
      "scalar": .tensor(try Tensor(scalar: 8 as Int16)), "empty": .tensor(try Tensor([] as [Int16], shape: [0, 4])),
    ]
    try io.saveCheckpoint(saved, path: "m")
    let storage = TensorStorage(byteCount: 24)
    func view(_ shape: [Int], _ strides: [Int], at element: Int) throws -> Checkpoint {
      .tensor(try Tensor(dtype: .int16, shape: shape, strides: strides, byteOffset: element * 2, storage: storage))
    }
    var state: Checkpoint? = [
      "turned": try view([3, 2], [1, 3], at: 0), "part": try view([2], [2], at: 7), "tied": try view([2], [2], at: 7),
      "scalar": try view([], [], at: 11), "empty": try view([0, 4], [4, 1], at: 12),
    ]
    #expect(try load("m", into: &state) == [:])
    let all = try Tensor(dtype: .int16, shape: [12], storage: storage).values(as: Int16.self)
    #expect(all == [1, 3, 5, 2, 4, 6, 0, 10, 0, 20, 0, 8])
    #expect(state == saved)
  }

  @Test func aStrideThatIsNeverTakenMayBeAnything() throws {
    try io.saveCheckpoint(["t": .tensor(try Tensor([1, 2, 3] as [Float], shape: [1, 3]))], path: "m")
    let storage = TensorStorage(byteCount: 24)
    var state: Checkpoint? = [
      "t": .tensor(try Tensor(dtype: .float32, shape: [1, 3], strides: [Int.max, 2], storage: storage))
    ]
    _ = try load("m", into: &state)
    #expect(try Tensor(dtype: .float32, shape: [6], storage: storage).values(as: Float.self) == [1, 0, 2, 0, 3, 0])
  }

  @Test func whatDoesNotFitChangesNothing() throws {
    func tensor(_ values: [Float], _ shape: [Int]? = nil) throws -> Checkpoint {
      .tensor(try Tensor(values, shape: shape ?? [values.count]))
    }
    try io.saveCheckpoint(
      [
        "a": try tensor([1, 2]), "model": ["x": try tensor([3]), "y": try tensor([4])], "list": [try tensor([5])],
        "n": 6,
      ],
      path: "m")
    let first = try Tensor([0, 0] as [Float])
    let a = Checkpoint.tensor(first)
    let wrong: [(Checkpoint, names: [String])] = [
      (["a": a, "missing": 1], ["missing"]),
      (["a": a, "model": ["x": try tensor([0])]], ["model", "y"]),
      (["a": a, "model": ["x": try tensor([0]), "y": try tensor([0]), "z": try tensor([0])]], ["model", "z"]),
      (["a": a, "model": ["x": try tensor([0]), "y": try tensor([0], [1, 1])]], ["model.y"]),
      (["a": a, "model": ["x": .tensor(try Tensor([0] as [Int32])), "y": try tensor([0])]], ["model.x"]),
      (["a": a, "list": [try tensor([0]), try tensor([0])]], ["list"]),
      (["a": a, "list": try tensor([5])], ["list"]),
      (["a": a, "n": try tensor([5])], ["n"]),
      (["a": a, "model": [try tensor([5])]], ["model"]),
      ([a], ["state"]),
    ]
    for (wanted, names) in wrong {
      var state: Checkpoint? = wanted
      do {
        _ = try load("m", into: &state)
        Issue.record("\(names) was restored")
      } catch let error as StateRestoration.Mismatch {
        for name in names { #expect(error.description.contains(name), "\(error)") }
      }
      #expect(state == wanted)
      #expect(try first.values(as: Float.self) == [0, 0])
    }
    var state: Checkpoint? = ["a": a]
    #expect(throws: CairnError.self) { try load("no such", into: &state) }
    #expect(try load("m", into: &state)?.dictionary?.keys == ["model", "list", "n"])
    #expect(try first.values(as: Float.self) == [1, 2])
  }

  @Test func plainValuesAreReplacedWhateverTheyWere() throws {
    try io.saveCheckpoint(["a": ["x": 1], "b": [1, 2], "c": "text"], path: "m")
    var state: Checkpoint? = ["a": nil, "b": ["k": 1], "c": 3]
    #expect(try load("m", into: &state) == [:])
    #expect(state == ["a": ["x": 1], "b": [1, 2], "c": "text"])
  }
}
