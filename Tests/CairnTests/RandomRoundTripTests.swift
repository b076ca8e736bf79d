import Cairn
import Foundation
import Testing

/// Whatever goes in comes out: random states and random files.
@Suite struct RandomRoundTripTests {
  @Test(arguments: 0..<6 as Range<UInt64>)
  func statesComeBackInBothModesAndAsFiles(_ seed: UInt64) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var maker = StateMaker(seed: seed &* 7919)
    var states: [Checkpoint] = []
    for number in 0..<5 {
      var state: Checkpoint = [:]
      for key in 0..<6 { state["\(key)"] = try maker.value(depth: 3) }
      // Storages of several chunks, of one, and of none, some of them shared between states.
      let size = [0, 1, 4096, 4097, 65_536, 65_537, 200_000][maker.below(7)]
      var bytes = [UInt8](repeating: UInt8(number), count: size)
      for index in stride(from: maker.below(50), to: size, by: 1 + maker.below(5000)) { bytes[index] &+= 1 }
      maker.storages.append(TensorStorage(bytes))
      for key in ["x", "y"] { state[.string(key)] = .tensor(try maker.tensor()) }
      _ = try repository.save(state, SaveRequest(path: "m"))
      states.append(state)
    }
    for (index, state) in states.enumerated() {
      let name = PathName(path: "m", version: index + 1)
      #expect(try repository.load(name, .copied) == state)
      #expect(try repository.load(name, .mapped) == state)
      let file = scratch.path + "/\(index).pt"
      _ = try repository.restore(name, to: file)
      _ = try repository.save(file: file, SaveRequest(path: "file"))
      #expect(try repository.load(PathName(path: "file"), .copied) == state)
      #expect(try repository.load(PathName(path: "file"), .mapped) == state)
    }
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func filesComeBackBitForBit(_ seed: UInt64) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var maker = StateMaker(seed: seed &* 104_729)
    let beginnings: [[UInt8]] = [
      [], Array("PK\u{3}\u{4}".utf8), Array("PK\u{5}\u{6}".utf8), [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8),
      [16, 0, 0, 0, 0, 0, 0, 0] + Array("{".utf8), [0x80, 2], [0x28, 0xB5, 0x2F, 0xFD],
    ]
    let pieces = try ["finetune/last.ckpt", "safetensors/weights.safetensors", "pytorch-2.x/legacy.pt"].map {
      [UInt8](try contents(Fixtures.directory + "/" + $0))
    }
    for number in 0..<8 {
      var bytes = beginnings[maker.below(beginnings.count)]
      for _ in 0..<maker.below(4) {
        switch maker.below(3) {
        case 0: bytes += maker.bytes(maker.below(20_000))
        case 1: bytes += [UInt8](repeating: 0, count: [4096, 65_536, 65_537, 131_072][maker.below(4)])
        default: bytes += pieces[maker.below(pieces.count)]
        }
      }
      let file = scratch.path + "/in\(number)"
      try Data(bytes).write(to: URL(fileURLWithPath: file))
      do {
        _ = try repository.save(file: file, SaveRequest(path: "f\(number)"))
      } catch let error as CairnError {
        // What begins as an archive and is none is refused, unless told to take it as it is.
        #expect(error.kind == .damaged && error.message.contains(file))
        _ = try repository.save(file: file, SaveRequest(path: "f\(number)"), opaque: true)
      }
      _ = try repository.restore(PathName(path: "f\(number)"), to: file + ".out")
      #expect(try contents(file + ".out") == Data(bytes))
    }
  }
}
