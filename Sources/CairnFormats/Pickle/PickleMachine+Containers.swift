extension PickleMachine {
  mutating func container(_ opcode: PickleOpcode) throws(FormatError) {
    switch opcode {
    case .emptyList: push(.list([]))
    case .list: push(.list(try popMark()))
    case .append:
      let item = try pop()
      try append([item], to: try top())
    case .appends:
      let items = try popMark()
      try append(items, to: try top())
    case .emptyTuple: push(.tuple([]))
    case .tuple: push(.tuple(try popMark()))
    case .tuple1: push(.tuple([try pop()]))
    case .tuple2: push(.tuple(try popLast(2)))
    case .tuple3: push(.tuple(try popLast(3)))
    case .emptyDict: push(.dict([]))
    case .dict: push(.dict(try pairs(try popMark())))
    case .setItem:
      let pair = try popLast(2)
      try setItems(try pairs(pair), in: try top())
    case .setItems:
      let items = try popMark()
      try setItems(try pairs(items), in: try top())
    case .emptySet: push(.set([]))
    case .frozenSet: push(.frozenSet(try popMark()))
    default:
      let items = try popMark()
      let target = try top()
      guard case .set(var members) = nodes[target] else { throw cursor.error("items are added to what is no set") }
      nodes[target] = .none
      members += items
      nodes[target] = .set(members)
    }
  }

  private mutating func popLast(_ count: Int) throws(FormatError) -> [PickleGraph.ID] {
    guard stack.count - (marks.last ?? 0) >= count else { throw cursor.error("the stack is empty") }
    let items = Array(stack.suffix(count))
    stack.removeLast(count)
    return items
  }

  private func pairs(_ items: [PickleGraph.ID]) throws(FormatError) -> [PicklePair] {
    guard items.count.isMultiple(of: 2) else { throw cursor.error("a dictionary has a key without a value") }
    return stride(from: 0, to: items.count, by: 2).map { PicklePair(items[$0], items[$0 + 1]) }
  }

  // Each of these empties the node while it changes what was in it, so that the array is not copied.

  private mutating func append(_ items: [PickleGraph.ID], to target: PickleGraph.ID) throws(FormatError) {
    switch nodes[target] {
    case .list(var list):
      nodes[target] = .none
      list += items
      nodes[target] = .list(list)
    case .object(var object):
      nodes[target] = .none
      object.items += items
      nodes[target] = .object(object)
    default: throw cursor.error("something is appended to what is no list")
    }
  }

  private mutating func setItems(_ items: [PicklePair], in target: PickleGraph.ID) throws(FormatError) {
    switch nodes[target] {
    case .dict(var pairs):
      nodes[target] = .none
      pairs += items
      nodes[target] = .dict(pairs)
    case .object(var object):
      nodes[target] = .none
      object.pairs += items
      nodes[target] = .object(object)
    default: throw cursor.error("an item is set in what is no dictionary")
    }
  }
}
