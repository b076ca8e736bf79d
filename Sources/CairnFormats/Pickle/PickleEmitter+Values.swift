extension PickleEmitter {
  mutating func emit(_ opcode: PickleOpcode) {
    output.append(opcode.rawValue)
  }

  /// A little-endian number of `width` bytes.
  mutating func emit(_ value: UInt64, width: Int) {
    for place in 0..<width { output.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
  }

  mutating func emitInt(_ value: Int64) {
    switch value {
    case 0...0xFF:
      emit(.binInt1)
      emit(UInt64(value), width: 1)
    case 0...0xFFFF:
      emit(.binInt2)
      emit(UInt64(value), width: 2)
    case Int64(Int32.min)...Int64(Int32.max):
      emit(.binInt)
      emit(UInt64(bitPattern: value), width: 4)
    default: emitLong(PythonInteger.bytes(value))
    }
  }

  mutating func emitLong(_ bytes: [UInt8]) {
    if bytes.count <= 0xFF {
      emit(.long1)
      emit(UInt64(bytes.count), width: 1)
    } else {
      emit(.long4)
      emit(UInt64(bytes.count), width: 4)
    }
    output += bytes
  }

  mutating func emitText(_ utf8: [UInt8]) {
    // Over 4 GiB takes an opcode of protocol 4, which Python reads in a pickle of any protocol.
    let isLong = utf8.count > Int(UInt32.max)
    emit(isLong ? .binUnicode8 : .binUnicode)
    emit(UInt64(utf8.count), width: isLong ? 8 : 4)
    output += utf8
  }

  /// Protocol 2 has no bytes: CPython writes them as text to be encoded as Latin-1.
  mutating func emitBytes(_ bytes: [UInt8]) {
    emitHelper(.global(PickleGlobal("_codecs", "encode")))
    var utf8: [UInt8] = []
    utf8.reserveCapacity(bytes.count)
    for byte in bytes {
      if byte < 0x80 { utf8.append(byte) } else { utf8 += [0xC0 | byte >> 6, 0x80 | byte & 0x3F] }
    }
    emitText(utf8)
    emitHelper(.text("latin1"))
    emit(.tuple2)
    emit(.reduce)
  }

  mutating func emitGlobal(_ global: PickleGlobal) {
    let isOneLineEach = !global.module.utf8.contains(0x0A) && !global.name.utf8.contains(0x0A)
    let parts = global.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if isOneLineEach, parts.count > 1, parts[0] != "" {
      // Before protocol 4 a name has no dots, and CPython writes a nested class as an attribute of the outer one.
      for _ in 1..<parts.count { emitHelper(.global(PickleGlobal("__builtin__", "getattr"))) }
      emitHelper(.global(PickleGlobal(global.module, parts[0])))
      for part in parts.dropFirst() {
        emitText(Array(part.utf8))
        emit(.tuple2)
        emit(.reduce)
      }
    } else if isOneLineEach {
      emit(.global)
      output += Array(global.module.utf8) + [0x0A] + Array(global.name.utf8) + [0x0A]
    } else {
      emitText(Array(global.module.utf8))
      emitText(Array(global.name.utf8))
      emit(.stackGlobal)
    }
  }

  mutating func emitHelper(_ helper: Helper) {
    if let index = helperMemo[helper] { return emitGet(index) }
    switch helper {
    case .global(let global):
      emit(.global)
      output += Array(global.module.utf8) + [0x0A] + Array(global.name.utf8) + [0x0A]
    case .text(let text): emitText(Array(text.utf8))
    }
    helperMemo[helper] = nextIndex
    emitPut()
  }

  /// Numbers the value on top of the stack, if the graph refers to it again.
  mutating func memoize(_ id: PickleGraph.ID) {
    guard isShared[id], memo[id] == nil, nextIndex < .max else { return }
    memo[id] = nextIndex
    emitPut()
  }

  mutating func emitPut() {
    let isShort = nextIndex <= 0xFF
    emit(isShort ? .binPut : .longBinPut)
    emit(UInt64(nextIndex), width: isShort ? 1 : 4)
    nextIndex += 1
  }

  mutating func emitGet(_ index: UInt32) {
    let isShort = index <= 0xFF
    emit(isShort ? .binGet : .longBinGet)
    emit(UInt64(index), width: isShort ? 1 : 4)
  }
}
