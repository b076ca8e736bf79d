import Cairn
import Foundation
import Testing

/// Files and states go through a repository and come out as what PyTorch and safetensors read as the same.
@Suite struct InteropTests {
  /// What cannot be loaded as a state: no zip container, compressed storages, values that hold themselves.
  static let notStates = ["legacy.pt", "legacy_protocol4.pt", "deflated.pt", "values.pt"]
  static let states = ["finetune", "topk", "pytorch-2.x", "pytorch-1.13"].flatMap { Fixtures.files($0) }.filter {
    file in
    !notStates.contains { file.hasSuffix("/" + $0) }
  }

  @Test func whatIsNoStateSaysSo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for file in Fixtures.files("pytorch-2.x") where Self.notStates.contains(where: { file.hasSuffix("/" + $0) }) {
      _ = try repository.save(file: file, SaveRequest(path: file))
      for mode in [LoadMode.copied, .mapped] {
        #expect(throws: (any Error).self, "\(file)") { _ = try repository.load(PathName(path: file), mode) }
      }
    }
  }

  @Test(arguments: states)
  func aFileIsLoadedAlikeInBothModesAndSavedAsAStateIsTheSame(_ file: String) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    let copied = try repository.load(PathName(path: "file"), .copied)
    let mapped = try repository.load(PathName(path: "file"), .mapped)
    #expect(copied == mapped)
    _ = try repository.save(copied, SaveRequest(path: "state"))
    #expect(try repository.load(PathName(path: "state"), .copied) == copied)
    #expect(try repository.load(PathName(path: "state"), .mapped) == copied)
  }

  @Test(.enabled(if: Python.newest != nil))
  func pyTorchReadsWhatItWroteOutOfAStateThatCairnSaved() throws {
    let scratch = try Scratch()
    let (pairs, _) = try Self.exported(
      Self.states.filter { file in
        // TorchScript is code, for which a state has no place; the other PyTorch 2 cannot load itself.
        !["/torchscript.pt", "-1.13/sparse.pt"].contains { file.hasSuffix($0) }
      }, in: scratch)
    let python = try #require(Python.newest)
    #expect(pairs.count > 40)
    // What can be read by weights_only at all.
    let allowed = try python.run(
      "compare", pairs.map { [$0.original, $0.original, "--weights-only", "both"] }, in: scratch)
    var jobs: [[String]] = []
    for (pair, allowed) in zip(pairs, allowed) {
      // As a state, a big-endian file comes out little-endian, and in storages without what no tensor shows.
      jobs.append([pair.original, pair.exported])
      if allowed.code == 0 { jobs.append([pair.original, pair.exported, "--weights-only", "b", "--mmap", "b"]) }
    }
    #expect(allowed.count { $0.code == 0 } > 20)
    for (job, outcome) in zip(jobs, try python.run("compare", jobs, in: scratch)) {
      #expect(outcome.code == 0, "\(job): \(outcome.output)")
    }
  }

  @Test(.enabled(if: Python.old != nil))
  func pyTorch1ReadsOurContainers() throws {
    let scratch = try Scratch()
    let (pairs, _) = try Self.exported(
      Fixtures.files("pytorch-1.13").filter { Self.states.contains($0) && !$0.hasSuffix("/torchscript.pt") },
      in: scratch)
    let python = try #require(Python.old)
    let jobs = pairs.map { [$0.original, $0.exported] }
    for (job, outcome) in zip(jobs, try python.run("compare", jobs, in: scratch)) {
      #expect(outcome.code == 0, "\(job): \(outcome.output)")
    }
  }

  private struct Pair {
    var original: String
    var exported: String
  }

  /// Loads files, in turn copied and mapped, saves them as states, and restores these as containers.
  private static func exported(_ files: [String], in scratch: Scratch) throws -> ([Pair], Repository) {
    let repository = try scratch.repository()
    var pairs: [Pair] = []
    for (index, file) in files.enumerated() {
      _ = try repository.save(file: file, SaveRequest(path: "file\(index)"))
      let state = try repository.load(PathName(path: "file\(index)"), index % 2 == 0 ? .copied : .mapped)
      _ = try repository.save(state, SaveRequest(path: "state\(index)"))
      let out = scratch.path + "/state\(index).pt"
      let report = try repository.restore(PathName(path: "state\(index)"), to: out)
      #expect(report.bytes == (try contents(out).count))
      pairs.append(Pair(original: file, exported: out))
    }
    return (pairs, repository)
  }

  @Test func bigEndianFilesLoadWithTheRightValues() throws {
    let file = Fixtures.directory + "/pytorch-2.x/big_endian.pt"
    let sidecar = try Sidecar(of: file)
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(file: file, SaveRequest(path: "file"))
    for mode in [LoadMode.copied, .mapped] {
      let state = try repository.load(PathName(path: "file"), mode)
      for wanted in sidecar.tensors {
        let tensor = try #require(state[wanted.name]?.tensor, "\(wanted.name)")
        #expect(Digest(hashing: tensor.storage.bytes).hex == wanted.storageSha256, "\(wanted.name)")
      }
    }
  }

  @Test(.enabled(if: Python.newest != nil))
  func safetensorsExportHoldsTheTensorsAndStringsAndSaysWhatItLeftOut() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let python = try #require(Python.newest)
    var options = RestoreOptions()
    options.format = .safetensors
    var jobs: [[String]] = []
    for name in ["weights.pt", "views.pt", "tied.pt", "dtypes.pt", "optimizer.pt", "empty_and_scalar.pt"] {
      let file = Fixtures.directory + "/pytorch-2.x/" + name
      _ = try repository.save(file: file, SaveRequest(path: name))
      let out = scratch.path + "/" + name + ".safetensors"
      let report = try repository.restore(PathName(path: name), to: out, options)
      #expect(report.bytes == (try contents(out).count))
      if name == "weights.pt" { #expect(report.leftOut == []) }
      let missing = report.leftOut.contains { $0.hasSuffix(")") }
      jobs.append([out, file] + (missing ? ["--subset"] : []))
    }
    let state: Checkpoint = [
      "note": "Grüße", "epoch": 3, "model": ["w": .tensor(try Tensor([1, 2] as [Float])), "list": [1, nil]],
      "object": .object(OpaqueObject(callable: .global(PickleGlobal("my.module", "C")), arguments: .tuple([]))),
    ]
    _ = try repository.save(state, SaveRequest(path: "state"))
    let out = scratch.path + "/state.safetensors"
    let report = try repository.restore(PathName(path: "state"), to: out, options)
    #expect(report.leftOut.sorted() == ["epoch", "model.list.0", "model.list.1", "object (my.module.C)"])
    let container = scratch.path + "/state.pt"
    _ = try repository.save(["note": "Grüße", "model": try #require(state["model"])], SaveRequest(path: "plain"))
    _ = try repository.restore(PathName(path: "plain"), to: container)
    jobs.append([out, container, "--metadata", "note=Grüße"])
    for (job, outcome) in zip(jobs, try python.run("compare_safetensors", jobs, in: scratch)) {
      #expect(outcome.code == 0, "\(job): \(outcome.output)")
    }
  }

  @Test(.enabled(if: Python.newest != nil))
  func aSafetensorsFileAsAStateIsReadByPyTorch() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var options = RestoreOptions()
    options.format = .pytorch
    var jobs: [[String]] = []
    for name in ["weights", "empty_and_scalar", "dtypes"] {
      let file = Fixtures.directory + "/safetensors/\(name).safetensors"
      _ = try repository.save(file: file, SaveRequest(path: name))
      _ = try repository.restore(PathName(path: name), to: scratch.path + "/\(name).pt", options)
      jobs.append([file, scratch.path + "/\(name).pt"])
    }
    let python = try #require(Python.newest)
    for (job, outcome) in zip(jobs, try python.run("compare_safetensors", jobs, in: scratch)) {
      #expect(outcome.code == 0, "\(job): \(outcome.output)")
    }
  }
}
