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
      guard case .set = nodes[target] else { throw cursor.error("items are added to what is no set") }
      additions[target, default: Additions()].items += items
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

  private mutating func append(_ items: [PickleGraph.ID], to target: PickleGraph.ID) throws(FormatError) {
    switch nodes[target] {
    case .list, .object: additions[target, default: Additions()].items += items
    default: throw cursor.error("something is appended to what is no list")
    }
  }

  private mutating func setItems(_ items: [PicklePair], in target: PickleGraph.ID) throws(FormatError) {
    switch nodes[target] {
    case .dict, .object: additions[target, default: Additions()].pairs += items
    default: throw cursor.error("an item is set in what is no dictionary")
    }
  }

  /// Puts what was added into the nodes.
  mutating func settleAdditions() {
    for (id, added) in additions {
      switch nodes[id] {
      case .list(let items): nodes[id] = .list(items + added.items)
      case .set(let items): nodes[id] = .set(items + added.items)
      case .dict(let pairs): nodes[id] = .dict(pairs + added.pairs)
      case .object(var object):
        object.items = added.items
        object.pairs = added.pairs
        nodes[id] = .object(object)
      default: break
      }
    }
    additions = [:]
  }
}
