/// Finds tensors that have got another name.
enum MoveDetection {
  /// A tensor that is on one side only.
  struct Candidate {
    var name: String
    var bytes: TensorBytes
    /// How many bytes its elements have.
    var size: Int
  }

  /// Below this many bytes the same content says little: every bias starts as zeros, and every step counter is equal.
  private static let smallest = 64
  private static let mostComponents = 32

  /// Pairs of positions in `removed` and `added`, each in one pair at most.
  ///
  /// Of several tensors with the same bytes, those are a pair whose names end alike, as far as nobody else's do (all of
  /// a model's zero biases, renamed from `layer.0.bias` to `module.layer.0.bias`). The rest is ambiguous, and no pair.
  static func pairs(removed: [Candidate], added: [Candidate]) -> [(old: Int, new: Int)] {
    let olds = Dictionary(grouping: removed.indices.filter { removed[$0].size > 0 }) { removed[$0].bytes }
    let news = Dictionary(grouping: added.indices.filter { added[$0].size > 0 }) { added[$0].bytes }
    var pairs: [(old: Int, new: Int)] = []
    for (bytes, old) in olds {
      guard let new = news[bytes] else { continue }
      var left = old
      var right = new
      let longest = (old.map { components(removed[$0].name) } + new.map { components(added[$0].name) }).max() ?? 0
      let isSmall = old.first.map { removed[$0].size < smallest } ?? true
      for length in stride(from: longest, through: isSmall ? 1 : 0, by: -1) where !left.isEmpty && !right.isEmpty {
        let byEnd = Dictionary(grouping: left) { ending(removed[$0].name, length) }
        let others = Dictionary(grouping: right) { ending(added[$0].name, length) }
        var paired: (old: Set<Int>, new: Set<Int>) = ([], [])
        for (end, some) in byEnd {
          guard let same = others[end], some.count == 1, same.count == 1 else { continue }
          pairs.append((some[0], same[0]))
          paired.old.insert(some[0])
          paired.new.insert(same[0])
        }
        left.removeAll { paired.old.contains($0) }
        right.removeAll { paired.new.contains($0) }
      }
    }
    return pairs.sorted { $0.new < $1.new }
  }

  private static func components(_ name: String) -> Int {
    min(name.utf8.count { $0 == UInt8(ascii: ".") } + 1, mostComponents)
  }

  /// The last `length` components of a name.
  private static func ending(_ name: String, _ length: Int) -> Substring {
    guard length > 0 else { return "" }
    var left = length
    for index in name.utf8.indices.reversed() where name.utf8[index] == UInt8(ascii: ".") {
      left -= 1
      if left == 0 { return name[name.utf8.index(after: index)...] }
    }
    return name[...]
  }
}
