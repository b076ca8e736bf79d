import Cairn
import Testing

/// What README shows works as it stands there.
@Test func theExampleInREADME() throws {
  let scratch = try Scratch()
  let repository = try Repository.initialize(scratch.path + "/.cairn")
  let io = CairnCheckpointIO(repository, run: "baseline")
  let weight = try Tensor([0.1, 0.2, 0.3, 0.4] as [Float], shape: [2, 2])
  try io.saveCheckpoint(["epoch": 3, "state_dict": ["weight": .tensor(weight)]], path: "last")

  let state = try io.loadCheckpoint(path: "last")
  let values = try state?["state_dict"]?["weight"]?.tensor?.values(as: Float.self)
  #expect(values == [0.1, 0.2, 0.3, 0.4])
  try io.removeCheckpoint(path: "last")
  #expect(try repository.find(PathName(path: "last")) == nil)
}
