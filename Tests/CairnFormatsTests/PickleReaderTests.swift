import CairnFormats
import Testing

@Suite struct PickleReaderTests {
  private func read(_ bytes: [UInt8]) throws -> String {
    let graph = try PickleReader.read(bytes, name: "test.pkl")
    return graph.described(graph.root)
  }

  @Test(arguments: [
    (pickle("N."), "None"), (pickle([0x88], "."), "True"), (pickle("I00\n."), "False"), (pickle("I01\n."), "True"),
    (pickle("I-12\n."), "-12"), (pickle("J", [0xFF, 0xFF, 0xFF, 0xFF], "."), "-1"), (pickle("K", [0xFF], "."), "255"),
    (pickle("M", [0, 1], "."), "256"), (pickle("L123L\n."), "123"),
    (pickle("L123456789012345678901234567890L\n."), "123456789012345678901234567890"),
    (pickle("L-123456789012345678901234567890L\n."), "-123456789012345678901234567890"),
    (pickle([0x8A, 0], "."), "0"), (pickle([0x8A, 1, 0xFF], "."), "-1"),
    (pickle([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0x80, 0], "."), "9223372036854775808"),
    (pickle([0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], "."), "-9223372036854775808"),
    (pickle([0x8B, 2, 0, 0, 0, 0, 1], "."), "256"), (pickle("F1.5\n."), "1.5"), (pickle("F-inf\n."), "-inf"),
    (pickle("G", [0x3F, 0xF8, 0, 0, 0, 0, 0, 0], "."), "1.5"),
  ])
  func numbersAreReadInEveryForm(_ bytes: [UInt8], _ expected: String) throws {
    #expect(try read(bytes) == expected)
  }

  @Test(arguments: [
    (pickle("S'a\\n\\x41\\101'\n."), "'a\nAA'"), (pickle("U", [2, 0xC3, 0xBC], "."), "'ü'"),
    (pickle("U", [1, 0xFF], "."), "b[255]"), (pickle("T", [1, 0, 0, 0], "x."), "'x'"),
    (pickle("Va\\u00fc\\U0001f600\n."), "'aü😀'"), (pickle("X", [1, 0, 0, 0], "x."), "'x'"),
    (pickle([0x8C, 1], "x."), "'x'"), (pickle([0x8D, 1, 0, 0, 0, 0, 0, 0, 0], "x."), "'x'"),
    (pickle([0x8C, 3, 0xED, 0xA0, 0x80], "."), "s[237, 160, 128]"), (pickle("B", [1, 0, 0, 0, 7], "."), "b[7]"),
    (pickle("C", [1, 7], "."), "b[7]"), (pickle([0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 7], "."), "b[7]"),
    (pickle([0x96, 1, 0, 0, 0, 0, 0, 0, 0, 7], "."), "ba[7]"),
  ])
  func textAndBytesAreReadInEveryForm(_ bytes: [UInt8], _ expected: String) throws {
    #expect(try read(bytes) == expected)
  }

  @Test(arguments: [
    (pickle("]."), "[]"), (pickle("(K", [1], "K", [2], "l."), "[1,2]"), (pickle("]Na."), "[None]"),
    (pickle("](NNe."), "[None,None]"), (pickle(")."), "()"), (pickle("(NNNNt."), "(None,None,None,None)"),
    (pickle("N", [0x85], "."), "(None)"), (pickle("NN", [0x86], "."), "(None,None)"),
    (pickle("NNN", [0x87], "."), "(None,None,None)"), (pickle("}K", [1], "Ns."), "{1:None}"),
    (pickle("(K", [1], "Nd."), "{1:None}"), (pickle("}(K", [1], "NK", [2], "Nu."), "{1:None,2:None}"),
    (pickle([0x8F], "(NK", [1, 0x90], "."), "set(None,1)"), (pickle("(N", [0x91], "."), "frozenset(None)"),
    (pickle("]", [0x94], "0h", [0], "."), "[]"), (pickle("N(NN1."), "None"), (pickle("N(0."), "None"),
    (pickle("K", [1], "2", [0x86], "."), "(1,1)"),
    (pickle("]p5\n0g5\n."), "[]"),
    (pickle("]r", [0xFF, 0xFF, 0xFF, 0xFF], "0j", [0xFF, 0xFF, 0xFF, 0xFF], "."), "[]"),
    (pickle([0x80, 4, 0x95, 2, 0, 0, 0, 0, 0, 0, 0], "N."), "None"),
  ])
  func containersAndTheStackWorkAsInPython(_ bytes: [UInt8], _ expected: String) throws {
    #expect(try read(bytes) == expected)
  }

  @Test(arguments: [
    (pickle("cos\nsystem\n(Vrm\ntR."), "os.system('rm')"),
    (pickle([0x8C, 1], "m", [0x8C, 3], "A.B", [0x93], ")", [0x81], "."), "m.A.B.__new__()"),
    (pickle("cm\nA\n)}K", [1], "Ns", [0x92], "."), "m.A.__new__**{1:None}()"),
    (pickle("cm\nA\n)R}Vx\nK", [1], "sb."), "m.A()/{'x':1}"),
    (pickle("cm\nA\n)R(K", [1], "K", [2], "e}(K", [1], "K", [2], "u0N0."), "m.A()+[1,2]"),
    (pickle("cm\nA\n)R(K", [1], "K", [2], "u."), "m.A()+{1:2}"),
    (pickle("(K", [1], "im\nA\n."), "m.A(1)"), (pickle("(im\nA\n."), "m.A.__new__()"),
    (pickle("(cm\nA\nK", [1], "o."), "m.A(1)"), (pickle("Pid\n."), "pid'id'"), (pickle("Vid\nQ."), "pid'id'"),
  ])
  func objectsAreDescribedAndNeverMade(_ bytes: [UInt8], _ expected: String) throws {
    #expect(try read(bytes) == expected)
  }

  @Test(arguments: [
    pickle(), pickle("."), pickle("(."), pickle("N(."), pickle("h", [0], "."), pickle("NNa."), pickle("N}s."),
    pickle("}(Nu."), pickle("t."), pickle("Nb."), pickle("NNb."), pickle("cm\nA\n)R}b}b."), pickle([0x82, 1], "."),
    pickle([0x97], "."), pickle([0x98], "."), pickle([0x80, 6], "N."), pickle([0xFF], "."), pickle("I1x\n."),
    pickle("X", [0xFF, 0xFF, 0xFF, 0xFF], "a."), pickle([0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "."),
    pickle("T", [0xFF, 0xFF, 0xFF, 0xFF], "a."), pickle([0x8C, 1, 0xFF], "."), pickle("N", [0x93], "."),
    pickle("N(0", [0x86], "."), pickle("V\\uZZZZ\n."), pickle("S'a\n."), pickle("(o."), pickle("Fx\n."),
  ])
  func whatIsNoPickleIsAnError(_ bytes: [UInt8]) {
    #expect(throws: FormatError.self) { try PickleReader.read(bytes, name: "test.pkl") }
  }

  @Test func theErrorNamesTheFileAndThePlace() {
    let error = #expect(throws: FormatError.self) { try PickleReader.read(pickle("]]h", [7], "."), name: "run/a.ckpt") }
    #expect(error?.description.contains("run/a.ckpt") == true)
    #expect(error?.description.contains("at byte 4") == true)
  }

  @Test func whatFollowsThePickleIsLeftAlone() throws {
    #expect(try PickleReader.read(pickle("N.rest"), name: "test.pkl").byteCount == 2)
  }

  @Test func sharedValuesAreOneNodeAndCyclesClose() throws {
    let shared = try PickleReader.read(pickle("]q", [0], "h", [0, 0x86], "."), name: "test.pkl")
    guard case .tuple(let items) = shared[shared.root] else { throw Failure.unexpected }
    #expect(items[0] == items[1])
    #expect(try read(pickle("]q", [0], "h", [0], "a.")) == "[@]")
  }

  @Test func aCallForItsEffectOnlyIsNoticed() throws {
    #expect(try PickleReader.read(pickle("Ncm\nf\n)R0."), name: "test.pkl").discardsCalls)
    #expect(try !PickleReader.read(pickle("N]0."), name: "test.pkl").discardsCalls)
  }

  @Test(arguments: ["](", "(", "2", "]", ")"])
  func deepOrWideNonsenseIsHarmless(_ text: String) {
    let bytes = pickle("N", .times(200_000, text), ".")
    _ = try? PickleReader.read(bytes, name: "test.pkl")
  }

  @Test func deepNestingIsReadAndWritten() throws {
    for bytes in [
      pickle(.times(100_000, "]"), .times(99_999, "a"), "."),
      pickle("N", PicklePart([UInt8](repeating: 0x85, count: 100_000)), "."),
      pickle("N", .times(100_000, "Q"), "."), pickle(.times(100_000, "cm\nf\n"), ")", .times(100_000, "R"), "."),
      pickle(.times(100_000, "}N"), "N", .times(100_000, "s"), "."),
    ] {
      let graph = try PickleReader.read(bytes, name: "test.pkl")
      let again = try PickleReader.read(PickleWriter.write(graph), name: "test.pkl")
      #expect(again.nodes.count >= 100_000)
    }
  }

  @Test func aHostileMemoCostsNoMoreThanItsBytes() throws {
    var bytes = pickle("]")
    for index in stride(from: UInt32.max, to: UInt32.max - 50_000, by: -1) {
      bytes += [UInt8(ascii: "r")] + (0..<4).map { UInt8(truncatingIfNeeded: index >> UInt32(8 * $0)) }
    }
    bytes += pickle("p18446744073709551615\n", "0g18446744073709551615\n.")
    #expect(try PickleReader.read(bytes, name: "test.pkl").nodes.count == 1)
  }

  /// Opcodes of all kinds.
  private static let sample = pickle(
    [0x80, 2], "}q", [0], "(X", [2, 0, 0, 0], "ab]q", [1], "(K", [1], "M", [0, 1], "J", [1, 2, 3, 4, 0x8A, 9],
    "123456789",
    "G12345678eX", [1, 0, 0, 0], "ccm\nA\nq", [2], "(Vs\nU", [1], "yNtq", [3], "R}Vk\nVv\nsbX", [1, 0, 0, 0],
    "dcm\nA\n)", [0x81],
    "(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nK", [4], "tQ", [0x86], "u.")

  @Test func aPickleCutShortAnywhereIsAnError() throws {
    _ = try PickleReader.read(Self.sample, name: "test.pkl")
    for count in 0..<Self.sample.count {
      #expect(throws: FormatError.self) { try PickleReader.read(Array(Self.sample[..<count]), name: "test.pkl") }
    }
  }

  @Test func damagedPicklesNeverCrash() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      var bytes = Self.sample
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let graph = try? PickleReader.read(bytes, name: "test.pkl") else { continue }
      let written = try? PickleWriter.write(graph)
      let optimized = try PickleReader.readAndOptimize(bytes, name: "test.pkl").optimized
      #expect((try? PickleWriter.write(PickleReader.read(optimized, name: "test.pkl"))) == written)
      _ = try? PyTorchContents(reading: bytes, name: "test.pkl", savedAs: nil)
    }
  }

  private static let numbered: [([UInt8], [UInt8])] = [
    // [[], []] with a number for each of three, none needed.
    (pickle([0x80, 2], "]q", [0], "(]q", [1], "]q", [2], "e."), pickle([0x80, 2], "](]]e.")),
    // One list twice: its number stays.
    (pickle([0x80, 2], "]q", [0], "(]q", [1], "h", [1], "e."), pickle([0x80, 2], "](]q", [1], "h", [1], "e.")),
    // A number given twice and needed in between.
    (
      pickle("]q", [7], "(h", [7], "]q", [7], "]r", [8, 0, 0, 0], "e."),
      pickle("]q", [7], "(h", [7], "]q", [7], "]e.")
    ),
    // What is counted, framed or written as text stays, and so does what comes behind.
    (pickle("]", [0x94], "(]q", [1], "h", [0], "e."), pickle("]", [0x94], "(]q", [1], "h", [0], "e.")),
    (
      pickle([0x80, 4, 0x95, 4, 0, 0, 0, 0, 0, 0, 0], "]q", [0], "."),
      pickle([0x80, 4, 0x95, 4, 0, 0, 0, 0, 0, 0, 0], "]q", [0], ".")
    ),
    (pickle("]p0\n."), pickle("]p0\n.")), (pickle("]q", [0], ".q"), pickle("].q")),
    // A number that no pickler gives costs nothing.
    (
      pickle("]r", [0xFF, 0xFF, 0xFF, 0xFF], "0]q", [1], "0j", [0xFF, 0xFF, 0xFF, 0xFF], "."),
      pickle("]r", [0xFF, 0xFF, 0xFF, 0xFF], "0]q", [1], "0j", [0xFF, 0xFF, 0xFF, 0xFF], ".")
    ),
  ]

  /// As Python's `pickletools.optimize` leaves them out; that numbers anew, this leaves gaps.
  @Test(arguments: numbered)
  func numbersThatNothingRefersToAreLeftOut(_ bytes: [UInt8], _ expected: [UInt8]) throws {
    let read = try PickleReader.read(bytes, name: "test.pkl")
    let (graph, optimized) = try PickleReader.readAndOptimize(bytes, name: "test.pkl")
    let again = try PickleReader.read(optimized, name: "test.pkl")
    #expect(optimized == expected)
    #expect(graph.nodes == read.nodes && graph.root == read.root)
    #expect(again.nodes == read.nodes && again.root == read.root)
  }
}

enum Failure: Error { case unexpected }
