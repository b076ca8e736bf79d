/// Reads pickles of protocols 0 to 5 and **executes nothing**: no class is looked up, no function called.
///
/// Follows CPython's Lib/pickle.py. Time and memory are in proportion to the length of the pickle, whatever it says.
/// Extension codes (a registry of the program that wrote them) and out-of-band buffers are refused.
public enum PickleReader {
  /// Reads the pickle that `bytes` start with; what follows its STOP opcode is left alone
  /// (``PickleGraph/byteCount`` says where).
  ///
  /// - Parameter name: What to call the pickle in errors, a path usually.
  /// - Throws: ``FormatError`` if it is cut short or not a pickle that Python would read.
  public static func read(_ bytes: [UInt8], name: String) throws(FormatError) -> PickleGraph {
    var machine = PickleMachine(bytes, path: name)
    return try machine.run()
  }

  /// Reads a pickle, and writes it without the numbers that it gives to values and never refers to
  /// (`pickletools.optimize`): it means the same, and is read in less time. Of protocol 4 and later it is left as it is.
  ///
  /// Throws as ``read(_:name:)`` does.
  public static func readAndOptimize(
    _ bytes: [UInt8], name: String
  ) throws(FormatError) -> (graph: PickleGraph, optimized: [UInt8]) {
    var machine = PickleMachine(bytes, path: name)
    machine.numberings = PickleNumberings(byteCount: bytes.count)
    let graph = try machine.run()
    return (graph, machine.numberings?.applied(to: bytes) ?? bytes)
  }
}

/// Python's unpickling machine, with node numbers where it has objects.
struct PickleMachine {
  var cursor: PickleCursor
  var nodes: [PickleNode] = []
  var stack: [PickleGraph.ID] = []
  /// The heights of the stack at which the open marks lie.
  var marks: [Int] = []
  var memo = PickleMemo()
  /// What was added to lists, sets, dictionaries and objects after they were made. It grows in place here; in a node it
  /// would be copied for each item that a hostile pickle adds by itself.
  var additions: [PickleGraph.ID: Additions] = [:]
  var discardsCalls = false
  /// Noted only where they are asked for.
  var numberings: PickleNumberings?

  struct Additions {
    var items: [PickleGraph.ID] = []
    var pairs: [PicklePair] = []
  }

  init(_ bytes: [UInt8], path: String) {
    cursor = PickleCursor(bytes, path: path)
  }

  mutating func run() throws(FormatError) -> PickleGraph {
    while true {
      let byte = try cursor.byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw cursor.error("0x\(String(byte, radix: 16)) is no opcode")
      }
      if opcode == .stop { break }
      try step(opcode)
    }
    let root = try pop()
    settleAdditions()
    return PickleGraph(nodes: nodes, root: root, byteCount: cursor.position, discardsCalls: discardsCalls)
  }

  private mutating func step(_ opcode: PickleOpcode) throws(FormatError) {
    switch opcode {
    case .stop: break
    case .none, .newTrue, .newFalse, .int, .binInt, .binInt1, .binInt2, .long, .long1, .long4, .float, .binFloat:
      try number(opcode)
    case .string, .binString, .shortBinString, .unicode, .binUnicode, .shortBinUnicode, .binUnicode8, .binBytes,
      .shortBinBytes, .binBytes8, .byteArray8:
      try text(opcode)
    case .emptyList, .list, .append, .appends, .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3, .emptyDict, .dict,
      .setItem, .setItems, .emptySet, .addItems, .frozenSet:
      try container(opcode)
    case .global, .stackGlobal, .reduce, .build, .inst, .obj, .newObj, .newObjEx, .persID, .binPersID:
      try object(opcode)
    case .mark, .pop, .popMark, .dup, .get, .binGet, .longBinGet, .put, .binPut, .longBinPut, .memoize:
      try stackOrMemo(opcode)
    case .proto:
      let version = try cursor.byte()
      guard version <= 5 else { throw cursor.error("pickle protocol \(version) is newer than this version reads") }
    case .frame:
      // The length only helps those who read from a stream; but one beyond the end is a pickle that was cut short.
      try cursor.frame()
      numberings?.keepAll()
    case .ext1, .ext2, .ext4:
      throw cursor.error("it uses an extension code, which only the program that wrote it can resolve")
    case .nextBuffer, .readonlyBuffer:
      throw cursor.error("it refers to a buffer that was kept outside the pickle")
    }
  }

  // MARK: The stack

  mutating func push(_ node: PickleNode) {
    stack.append(nodes.count)
    nodes.append(node)
  }

  mutating func pop() throws(FormatError) -> PickleGraph.ID {
    guard stack.count > (marks.last ?? 0), let top = stack.popLast() else { throw cursor.error("the stack is empty") }
    return top
  }

  func top() throws(FormatError) -> PickleGraph.ID {
    guard stack.count > (marks.last ?? 0), let top = stack.last else { throw cursor.error("the stack is empty") }
    return top
  }

  /// Takes what was pushed since the last mark, and the mark.
  mutating func popMark() throws(FormatError) -> [PickleGraph.ID] {
    guard let mark = marks.popLast() else { throw cursor.error("there is no mark") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private mutating func stackOrMemo(_ opcode: PickleOpcode) throws(FormatError) {
    switch opcode {
    case .mark: marks.append(stack.count)
    case .dup: stack.append(try top())
    case .popMark: for id in try popMark() { noteDiscarded(id) }
    case .pop:
      if stack.count > (marks.last ?? 0) {
        noteDiscarded(try pop())
      } else {
        _ = try popMark()
      }
    case .get: try recall(try textIndex())
    case .binGet: try recall(UInt64(try cursor.byte()))
    case .longBinGet: try recall(try cursor.unsigned(4))
    case .put: memo.put(try top(), at: try textIndex())
    case .binPut: try put(1)
    case .longBinPut: try put(4)
    default:
      numberings?.keepAll()
      memo.put(try top(), at: UInt64(memo.count))
    }
  }

  /// Gives the value on top the number that follows, of so many bytes.
  private mutating func put(_ width: Int) throws(FormatError) {
    let number = try cursor.unsigned(width)
    memo.put(try top(), at: number)
    numberings?.put(cursor.position - width - 1..<cursor.position, number)
  }

  /// A call whose result is dropped right after it was made, before anything could refer to it.
  private mutating func noteDiscarded(_ id: PickleGraph.ID) {
    if id == nodes.count - 1, case .object(let object) = nodes[id], object.construction == .reduce {
      discardsCalls = true
    }
  }

  private mutating func recall(_ index: UInt64) throws(FormatError) {
    guard let id = memo[index] else { throw cursor.error("it refers to value \(index), which it has not numbered") }
    stack.append(id)
    numberings?.recall(index)
  }

  private mutating func textIndex() throws(FormatError) -> UInt64 {
    let text = try cursor.textLine()
    guard let index = UInt64(text) else { throw cursor.error("a memo index is not a number") }
    return index
  }
}
