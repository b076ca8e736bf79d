extension PickleMachine {
  mutating func object(_ opcode: PickleOpcode) throws(FormatError) {
    switch opcode {
    case .global: push(.global(try globalLines()))
    case .stackGlobal:
      guard case .string(let name) = nodes[try pop()], case .string(let module) = nodes[try pop()] else {
        throw cursor.error("a class is not named by strings")
      }
      push(.global(PickleGlobal(module, name)))
    case .reduce, .newObj:
      let arguments = try pop()
      let callable = try pop()
      push(.object(PickleObject(opcode == .reduce ? .reduce : .newObject, callable, arguments)))
    case .newObjEx:
      let keywords = try pop()
      let arguments = try pop()
      let callable = try pop()
      push(.object(PickleObject(.newObjectWithKeywords(keywords), callable, arguments)))
    case .build:
      let state = try pop()
      let target = try top()
      guard case .object(var object) = nodes[target] else { throw cursor.error("a state is given to what has none") }
      guard object.state == nil else { throw cursor.error("an object is given a state twice") }
      object.state = state
      nodes[target] = .object(object)
    case .inst:
      let global = try globalLines()
      let arguments = try popMark()
      push(.global(global))
      instantiate(try pop(), arguments)
    case .obj:
      let items = try popMark()
      guard let callable = items.first else { throw cursor.error("an object has no class") }
      instantiate(callable, Array(items.dropFirst()))
    case .persID:
      push(.string(try cursor.textLine()))
      push(.persistentID(try pop()))
    default: push(.persistentID(try pop()))
    }
  }

  private mutating func globalLines() throws(FormatError) -> PickleGlobal {
    let module = try cursor.textLine()
    return PickleGlobal(module, try cursor.textLine())
  }

  /// What protocols 0 and 1 do: without arguments, the class's `__init__` is passed over.
  private mutating func instantiate(_ callable: PickleGraph.ID, _ arguments: [PickleGraph.ID]) {
    nodes.append(.tuple(arguments))
    push(.object(PickleObject(arguments.isEmpty ? .newObject : .reduce, callable, nodes.count - 1)))
  }
}
