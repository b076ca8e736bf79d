import Cairn
import Foundation
import Testing

@Suite struct CatTests {
  private static func program() throws -> Program {
    let program = try Program()
    let repository = try Repository.initialize(program.path + "/.cairn", journal: .wal)
    let storage = TensorStorage((0..<6).flatMap { withUnsafeBytes(of: Float($0)) { Array($0) } })
    _ = try repository.save(
      [
        "model": [
          "weight": .tensor(try Tensor(dtype: .float32, shape: [3, 2], strides: [1, 3], storage: storage)),
          "bias": .tensor(try Tensor([0, .nan, 1 / 0, -1, 2] as [Float])),
          "half": .tensor(try Tensor(dtype: .bfloat16, shape: [2], storage: TensorStorage([0x80, 0x3F, 0, 0x40]))),
          "ids": .tensor(try Tensor([3, 3, 5] as [Int64])),
        ]
      ], SaveRequest(path: "m"))
    return program
  }

  @Test func aSummaryIsShown() throws {
    let program = try Self.program()
    let shown = try program.run("cat", "m", "*bias")
    #expect(shown.status == 0)
    #expect(shown.lines.first == "model.bias")
    for (label, value) in [
      ("dtype", "float32"), ("shape", "5"), ("min", "-1"), ("max", "2"), ("zeros", "1 (20 %)"), ("NaN", "1 (20 %)"),
      ("Inf", "1 (20 %)"),
    ] {
      #expect(shown.lines.contains("  " + label + String(repeating: " ", count: 8 - label.count) + value), "\(label)")
    }
    let json = try program.run("cat", "m", "model.bias", "--json").json()
    #expect(json["nan"] as? Int == 1)
    #expect(json["min"] as? Double == -1)
    #expect(abs((json["mean"] as? Double ?? 0) - 1.0 / 3) < 1e-12)
    #expect((json["histogram"] as? [[String: Any]])?.count == 16)
    let ids = try program.run("cat", "m", "model.ids")
    #expect(ids.lines.suffix(3).map { $0.filter { "0123456789".contains($0) } } == ["32", "40", "51"])
  }

  @Test(arguments: [80, 200])
  func theHistogramFitsTheTerminal(_ width: UInt16) throws {
    let program = try Self.program()
    let shown = try program.runInTerminal("cat", "m", "model.weight", "--no-color", columns: width)
    let lines = shown.split(separator: "\n")
    #expect(lines.contains { $0.contains("█") })
    #expect(lines.allSatisfy { $0.count < width })
  }

  @Test func aTensorIsWrittenInRowMajorOrderAndNothingIsReplacedUnasked() throws {
    let program = try Self.program()
    let written = try program.run("cat", "m", "model.weight", "-o", "w.npy")
    #expect(written.output == "wrote model.weight to w.npy: 152 B, checked\n")
    let bytes = try program.contents("w.npy")
    #expect(Array(bytes.prefix(8)) == [0x93] + Array("NUMPY".utf8) + [1, 0])
    let header = String(decoding: bytes[10..<128], as: UTF8.self)
    #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"))
    #expect(header.hasSuffix("\n"))
    let values = bytes[128...].withUnsafeBytes { raw in
      (0..<6).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    #expect(values == [0, 3, 1, 4, 2, 5])
    #expect(try program.run("cat", "m", "model.bias", "-o", "w.npy").status == 1)
    #expect(try program.contents("w.npy") == bytes)
    #expect(try program.run("cat", "m", "model.bias", "-o", "w.npy", "--force").status == 0)
    let json = try program.run("cat", "m", "model.half", "-o", "h.safetensors", "--json").json()
    #expect(json["bytes"] as? Int == (try program.contents("h.safetensors")).count)
    #expect(try program.run("cat", "h.safetensors", "model.half").lines.contains("  max     2"))
  }

  @Test func whatCannotBeWrittenOrFoundSaysWhatCan() throws {
    let program = try Self.program()
    let half = try program.run("cat", "m", "model.half", "-o", "h.npy")
    #expect(half.status == 64)
    #expect(half.error.contains("name a file that ends in .safetensors"))
    #expect(try program.run("cat", "m", "model.half", "-o", "h.txt").status == 64)
    let unknown = try program.run("cat", "m", "model.wieght")
    #expect(unknown.status == 3)
    #expect(unknown.error.contains("like it: model.weight"))
    let several = try program.run("cat", "m", "model.*")
    #expect(several.status == 64)
    #expect(several.error.contains("matches 4 tensors"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: program.path).sorted() == [".cairn", "home"])
  }

  @Test func damagedBytesAreNotWritten() throws {
    let program = try Program()
    let repository = try Repository.initialize(program.path + "/.cairn", journal: .wal)
    let values = (0..<20_000).map { Float($0) }
    _ = try repository.save(["x": .tensor(try Tensor(values))], SaveRequest(path: "m"))
    let bytes = values.withUnsafeBytes { Array($0) }
    let hex = Digest(hashing: bytes).hex
    let blob = ".cairn/blobs/\(hex.prefix(2))/\(hex)"
    chmod(program.path + "/" + blob, 0o644)
    try program.write([9] + bytes.dropFirst(), to: blob)
    let failed = try program.run("cat", "m", "x", "-o", "x.npy")
    #expect(failed.status == 5)
    #expect(!FileManager.default.fileExists(atPath: program.path + "/x.npy"))
  }
}
