extension PickleMachine {
  mutating func number(_ opcode: PickleOpcode) throws(FormatError) {
    switch opcode {
    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .binInt: push(.int(Int64(Int32(truncatingIfNeeded: try cursor.unsigned(4)))))
    case .binInt1: push(.int(Int64(try cursor.byte())))
    case .binInt2: push(.int(Int64(try cursor.unsigned(2))))
    case .long1: push(PythonInteger.node(try cursor.counted(1)))
    case .long4: push(PythonInteger.node(try cursor.counted(4)))
    case .binFloat:
      let bits = try cursor.unsigned(8)
      push(.float(Double(bitPattern: bits.byteSwapped)))
    case .float:
      guard let value = Double(try cursor.textLine()) else { throw cursor.error("a float is not a number") }
      push(.float(value))
    default:
      let line = try cursor.textLine()
      if opcode == .int, line == "00" || line == "01" {
        push(.bool(line == "01"))
      } else if let node = PythonInteger.node(decimal: line.hasSuffix("L") ? line.dropLast() : line[...]) {
        push(node)
      } else {
        throw cursor.error("an integer is not a number")
      }
    }
  }

  mutating func text(_ opcode: PickleOpcode) throws(FormatError) {
    switch opcode {
    case .binUnicode: push(try string(try cursor.counted(4)))
    case .shortBinUnicode: push(try string(try cursor.counted(1)))
    case .binUnicode8: push(try string(try cursor.counted(8)))
    case .binBytes: push(.bytes(Array(try cursor.counted(4))))
    case .shortBinBytes: push(.bytes(Array(try cursor.counted(1))))
    case .binBytes8: push(.bytes(Array(try cursor.counted(8))))
    case .byteArray8: push(.byteArray(Array(try cursor.counted(8))))
    case .binString:
      let count = Int32(truncatingIfNeeded: try cursor.unsigned(4))
      push(oldString(try cursor.take(Int(count))))
    case .shortBinString: push(oldString(try cursor.counted(1)))
    case .string:
      guard let bytes = PickleText.unquoted(try cursor.line()) else { throw cursor.error("a string is not quoted") }
      push(oldString(bytes[...]))
    default:
      guard let node = PickleText.rawUnicodeEscape(try cursor.line()) else {
        throw cursor.error("a string has a broken escape")
      }
      push(node)
    }
  }

  private func string(_ utf8: ArraySlice<UInt8>) throws(FormatError) -> PickleNode {
    guard let node = PickleText.string(utf8) else { throw cursor.error("a string is not UTF-8") }
    return node
  }

  /// A Python 2 `str`, which was text as often as bytes. PyTorch reads it as UTF-8 (`torch.load(encoding=)`).
  private func oldString(_ bytes: ArraySlice<UInt8>) -> PickleNode {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return .bytes(Array(bytes))
  }
}
