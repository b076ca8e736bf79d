import Cairn
import Foundation
import Testing

@Suite struct FileRoundTripTests {
  static let files = ["finetune", "topk", "pytorch-2.x", "pytorch-1.13", "safetensors"].flatMap { Fixtures.files($0) }

  @Test func thereAreFixtures() { #expect(Self.files.count > 30) }

  @Test(arguments: files)
  func aFileComesBackBitForBitWithItsTime(_ file: String) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let report = try repository.save(file: file, SaveRequest(path: "file"))
    let out = scratch.path + "/out"
    _ = try repository.restore(PathName(path: "file"), to: out)
    #expect(try contents(out) == contents(file))
    let times = try [file, out].map { try FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date }
    #expect(times[0] == times[1])
    #expect(report.size == (try contents(file).count))
    #expect(throws: CairnError.self) { try repository.restore(PathName(path: "file"), to: out) }
    #expect(
      try repository.verify(
        {
          var all = VerifyOptions(); all.readData = true; return all
        }()
      ).problems == [])
  }
}
