import CairnFormats
import Testing

@Suite struct PickleWriterTests {
  private func rewritten(_ bytes: [UInt8]) throws -> PickleGraph {
    let written = try PickleWriter.write(PickleReader.read(bytes, name: "test.pkl"))
    return try PickleReader.read(written, name: "rewritten")
  }

  /// Literal bytes as CPython's pickler with protocol 2 writes them, but for its numbering of every value.
  @Test func simpleValuesAreWrittenAsPythonWritesThem() throws {
    let graph = StateGraph()
    let list = graph.add(.list([graph.int(1), graph.int(256), graph.int(-1), graph.int(1 << 40), graph.text("ü")]))
    let root = graph.dict([("a", list)])
    #expect(
      try graph.pickle(root)
        == pickle(
          [0x80, 2], "}X", [1, 0, 0, 0], "a](K", [1], "M", [0, 1], "J",
          [255, 255, 255, 255, 0x8A, 6, 0, 0, 0, 0, 0, 1],
          "X", [2, 0, 0, 0], "üe", "s."))
  }

  @Test func bytesAndSetsAreWrittenWithoutNewOpcodes() throws {
    let bytes = pickle(
      [0x80, 4], "C", [3, 0, 0x7F, 0xFF], [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 7], [0x8F], "(K", [1, 0x90], [0x87], ".")
    let graph = try rewritten(bytes)
    #expect(
      graph.described(graph.root)
        == "(_codecs.encode('\0\u{7F}ÿ','latin1'),__builtin__.bytearray(_codecs.encode('\u{7}','latin1')),__builtin__.set([1]))"
    )
  }

  @Test func nestedClassesAreNamedAsProtocol2Does() throws {
    let graph = try rewritten(pickle([0x8C, 1], "m", [0x8C, 5], "A.B.C", [0x93], "."))
    #expect(graph.described(graph.root) == "__builtin__.getattr(__builtin__.getattr(m.A,'B'),'C')")
  }

  @Test func namesThatNoLineHoldsSurvive() throws {
    let graph = try rewritten(pickle([0x8C, 2], "m\n", [0x8C, 3], "A\nB", [0x93], "."))
    #expect(graph[graph.root] == .global(PickleGlobal("m\n", "A\nB")))
  }

  @Test(arguments: [
    pickle("cm\nA\nq", [0], ")", [0x81], "q", [1], "(K", [1], "e(K", [1], "Nu}Vx\nh", [1], "sb."),
    pickle("]q", [0], "h", [0], "a."), pickle("]q", [0], "h", [0, 0x85], "q", [1], "a0h", [1], "."),
    pickle("]q", [0], "(h", [0], "h", [0], "h", [0], "h", [0], "tq", [1], "ah", [0], "."),
    pickle("cm\nA\n)}K", [1], "Ns", [0x92], "."), pickle("Vx\nQ."),
    pickle("cm\nf\n]q", [0, 0x85], "Rq", [1], "h", [0], "h", [1], "a0."),
    pickle([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0x80, 0], "."), pickle([0x8C, 3, 0xED, 0xA0, 0x80], "."),
  ])
  func meaningSurvives(_ bytes: [UInt8]) throws {
    let graph = try PickleReader.read(bytes, name: "test.pkl")
    let again = try rewritten(bytes)
    #expect(again.described(again.root) == graph.described(graph.root))
  }

  @Test func aSharedValueIsWrittenOnce() throws {
    let graph = try rewritten(pickle("](Va\nq", [0], "h", [0], "h", [0], "e."))
    #expect(graph.nodes.count == 2)
  }

  @Test func longCollectionsComeBackWhole() throws {
    let graph = StateGraph()
    let list = graph.add(.list((0..<2501).map { graph.int($0) }))
    let dict = graph.add(.dict((0..<2001).map { PicklePair(graph.int($0), graph.int(-$0)) }))
    let root = graph.tuple(list, dict)
    let again = try PickleReader.read(graph.pickle(root), name: "test.pkl")
    #expect(again.described(again.root) == PickleGraph(nodes: graph.nodes, root: root).described(root))
  }

  @Test func aCycleThatNoPickleCanSayIsRefused() {
    let graph = PickleGraph(nodes: [.tuple([0])], root: 0)
    #expect(throws: FormatError.self) { try PickleWriter.write(graph) }
  }

  @Test(arguments: [0, 1, -1, 127, 128, -128, -129, 255, 65535, 65536, 1 << 31, -1 << 31, Int.max, Int.min])
  func integersComeBack(_ value: Int) throws {
    let graph = StateGraph()
    let root = graph.int(value)
    let again = try PickleReader.read(graph.pickle(root), name: "test.pkl")
    #expect(again[again.root] == .int(Int64(value)))
  }
}
