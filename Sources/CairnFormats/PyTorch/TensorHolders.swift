extension PyTorchGraph {
  /// For each node, whether a tensor is reached from it.
  ///
  /// A walk that looks only into these costs no more than the names it finds, however often values are shared.
  func tensorHolders() -> [Bool] {
    let nodes = pickle.nodes
    // The parents of every node, one after the other: those of `id` are from starts[id] up to starts[id + 1].
    var starts = [Int](repeating: 0, count: nodes.count + 1)
    for node in nodes { node.forEachChild { starts[$0 + 1] += 1 } }
    for id in nodes.indices { starts[id + 1] += starts[id] }
    var parents = [PickleGraph.ID](repeating: 0, count: starts[nodes.count])
    var next = starts
    for (id, node) in nodes.enumerated() {
      node.forEachChild {
        parents[next[$0]] = id
        next[$0] += 1
      }
    }
    var holds = [Bool](repeating: false, count: nodes.count)
    var pending: [PickleGraph.ID] = []
    for (id, node) in nodes.enumerated() {
      if case .object(let object) = node, object.construction == .reduce, makesTensor(object.callable) {
        holds[id] = true
        pending.append(id)
      }
    }
    while let id = pending.popLast() {
      for parent in parents[starts[id]..<starts[id + 1]] where !holds[parent] {
        holds[parent] = true
        pending.append(parent)
      }
    }
    return holds
  }
}
