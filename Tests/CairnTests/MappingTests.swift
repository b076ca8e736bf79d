import Foundation
import Testing

@testable import Cairn
@testable import CairnCore

/// Loads that map the repository's files: copy-on-write, alive after removal, and never too many mappings.
@Suite(.serialized) struct MappingTests {
  let scratch: Scratch
  let repository: Repository

  init() throws {
    scratch = try Scratch()
    repository = try scratch.repository()
  }

  private func large(_ seed: UInt8, chunks: Int = 4) throws -> Tensor {
    var bytes = [UInt8](repeating: seed, count: chunks * 64 * 1024 - 8)
    for index in stride(from: 0, to: bytes.count, by: 97) { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
    // Chunks that differ from each other, so that each is a file.
    for chunk in 0..<chunks { bytes[chunk * 64 * 1024 + 1] = UInt8(chunk) }
    return try Tensor(dtype: .uint8, shape: [bytes.count], storage: TensorStorage(bytes))
  }

  @Test func largeStoragesAreMappedAndSmallOnesRead() throws {
    _ = try repository.save(
      ["large": .tensor(try large(1)), "small": .tensor(try Tensor([1] as [Float]))], SaveRequest(path: "m"))
    try repository.withCheckpoint(PathName(path: "m")) { _, stored in
      let regions = try stored.storages([0, 1], .mapped)
      #expect(regions.map(\.mappingCount) == [4, 0])
      #expect(try stored.storages([0, 1], .copied(verify: true)).map(\.mappingCount) == [0, 0])
    }
  }

  @Test func writingToALoadedTensorChangesNoOtherLoad() throws {
    let tensor = try large(2)
    _ = try repository.save(["t": .tensor(tensor)], SaveRequest(path: "m"))
    let first = try #require(try repository.load(PathName(path: "m"), .mapped)["t"]?.tensor)
    let second = try #require(try repository.load(PathName(path: "m"), .mapped)["t"]?.tensor)
    first.storage.withUnsafeMutableBytes { for index in stride(from: 0, to: $0.count, by: 4096) { $0[index] ^= 0xFF } }
    #expect(second == tensor)
    #expect(first != tensor)
    #expect(try repository.load(PathName(path: "m"), .mapped)["t"]?.tensor == tensor)
    #expect(try repository.load(PathName(path: "m"), .copied)["t"]?.tensor == tensor)
    var options = VerifyOptions()
    options.readData = true
    #expect(try repository.verify(options).problems == [])
    // What was changed in memory can be saved again, as it is now.
    _ = try repository.save(["t": .tensor(first)], SaveRequest(path: "changed"))
    #expect(try repository.load(PathName(path: "changed"))["t"]?.tensor == first)
  }

  @Test func bytesOutliveTheirCheckpoint() throws {
    let tensor = try large(3)
    for format in ["state", "file"] {
      _ = try repository.save(["t": .tensor(tensor)], SaveRequest(path: "state"))
      let file = scratch.path + "/t.pt"
      if format == "file" {
        _ = try repository.restore(PathName(path: "state"), to: file)
        _ = try repository.save(file: file, SaveRequest(path: "file"))
      }
      let loaded = try #require(try repository.load(PathName(path: format), .mapped)["t"]?.tensor)
      for path in ["state", "file"] { _ = try repository.remove(PathName(path: path)) }
      _ = try repository.collectGarbage()
      #expect(try repository.stats().blobs == 0)
      #expect(loaded == tensor)
    }
    try FileManager.default.removeItem(atPath: repository.path)
  }

  @Test func mappingsAreGivenBack() throws {
    _ = try repository.save(["t": .tensor(try large(4))], SaveRequest(path: "m"))
    var loaded: Checkpoint? = try repository.load(PathName(path: "m"), .mapped)
    let busy = MappingBudget.inUse
    #expect(busy >= 4)
    #expect(loaded != nil)
    loaded = nil
    #expect(MappingBudget.inUse <= busy - 4)
  }

  @Test func aQuarterOfTheKernelsMappingsIsTheLimit() throws {
    let text = try String(contentsOfFile: "/proc/sys/vm/max_map_count", encoding: .utf8)
    let allowed = try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(MappingBudget.limit == allowed / 4)
    let big = try large(5, chunks: 8)
    let small = try large(6, chunks: 2)
    let state: Checkpoint = ["small": .tensor(small), "big": .tensor(big)]
    _ = try repository.save(state, SaveRequest(path: "m"))
    // All but nine of them are in use already: the largest storage gets eight.
    let taken = MappingBudget.limit - MappingBudget.inUse - 9
    #expect(MappingBudget.take(taken))
    defer { MappingBudget.give(back: taken) }
    let before = MappingBudget.inUse
    let loaded = try repository.load(PathName(path: "m"), .mapped)
    #expect(MappingBudget.inUse == before + 8)
    let more = try repository.load(PathName(path: "m"), .mapped)
    #expect(MappingBudget.inUse <= MappingBudget.limit)
    #expect(loaded == state && more == state)
  }

  @Test func aFileThatIsTooShortIsAnErrorAndNotASignal() throws {
    _ = try repository.save(["t": .tensor(try large(7))], SaveRequest(path: "m"))
    let blob = try #require(try repository.blobFiles().first { $0.size == 64 * 1024 })
    try cut(blob.path, to: 100)
    for mode in [LoadMode.mapped, .copied] {
      do {
        _ = try repository.load(PathName(path: "m"), mode)
        Issue.record("loaded")
      } catch let error as CairnError {
        // The first to find it has set it aside; from then on it is missing.
        #expect(error.kind == (mode == .mapped ? .damaged : .missing))
        #expect(error.message.contains(blob.path) && error.message.contains("m@1") && error.message.contains(" t"))
      }
    }
  }
}
