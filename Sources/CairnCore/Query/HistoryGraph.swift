/// The lines that join checkpoints with their parents, drawn beside a listing as `git log --graph` does.
///
/// A checkpoint has one parent at most, so lines only ever split upwards: where a run was resumed from an older version,
/// its lane ends at that version.
public struct HistoryGraph: Sendable, Hashable {
  /// A line of the drawing.
  public struct Line: Sendable, Hashable {
    /// The lanes: `* `, `| `, or where lanes end `|/`. No spaces at the end.
    public var lanes: String
    /// The checkpoint that the `*` stands for, by position in the list; nil for a line without one.
    public var position: Int?

    /// Makes a line.
    public init(lanes: String, position: Int?) {
      self.lanes = lanes
      self.position = position
    }
  }

  /// The drawing, each checkpoint above its parent.
  public let lines: [Line]

  /// Draws a list, newest first: `parents` gives for each the position of its parent, if that is in the list.
  ///
  /// What follows on each other stays together, whatever was saved in between elsewhere.
  public init(parents: [Int?]) {
    var lines: [Line] = []
    // What each lane comes to next; nil: it is free.
    var lanes: [Int?] = []
    let order = Self.order(parents)
    var drawn = Array(repeating: false, count: parents.count)
    for position in order {
      let waiting = lanes.indices.filter { lanes[$0] == position }
      let lane: Int
      if let first = waiting.first {
        lane = first
        for other in waiting.dropFirst().reversed() {
          lanes[other] = nil
          lines.append(Line(lanes: Self.join(lane, other, lanes), position: nil))
        }
      } else if let free = lanes.firstIndex(of: nil) {
        lane = free
      } else {
        lane = lanes.count
        lanes.append(nil)
      }
      // Set before the line is drawn, so that it counts as taken.
      lanes[lane] = position
      lines.append(Line(lanes: Self.star(lane, lanes), position: position))
      drawn[position] = true
      // Descent in a circle has been through here: nobody but a hand-made log claims it.
      lanes[lane] = parents[position].flatMap { drawn.indices.contains($0) && !drawn[$0] ? $0 : nil }
      while let last = lanes.last, last == nil { lanes.removeLast() }
    }
    self.lines = lines
  }

  /// Children before parents, lines of descent in one piece, and else as in the list.
  private static func order(_ parents: [Int?]) -> [Int] {
    var parents = parents
    for position in parents.indices where parents[position].map({ !parents.indices.contains($0) }) ?? false {
      parents[position] = nil
    }
    var children = Array(repeating: 0, count: parents.count)
    for parent in parents { if let parent { children[parent] += 1 } }
    var order: [Int] = []
    let heads = parents.indices.filter { children[$0] == 0 }
    for head in heads {
      var next: Int? = head
      while let position = next {
        order.append(position)
        next = nil
        guard let parent = parents[position] else { continue }
        children[parent] -= 1
        if children[parent] == 0 { next = parent }
      }
    }
    // Descent in a circle has no beginning.
    if order.count < parents.count {
      let seen = Set(order)
      order += parents.indices.filter { !seen.contains($0) }
    }
    return order
  }

  private static func star(_ lane: Int, _ lanes: [Int?]) -> String {
    trimmed(lanes.indices.map { $0 == lane ? "* " : lanes[$0] == nil ? "  " : "| " }.joined())
  }

  /// `| |_|/`: the lane `from` comes to the lane `to`, below the lanes in between.
  private static func join(_ to: Int, _ from: Int, _ lanes: [Int?]) -> String {
    var text = ""
    for lane in lanes.indices where lane != from {
      text += lanes[lane] == nil ? (lane > to && lane < from ? "_" : " ") : "|"
      text += lane == from - 1 ? "/" : lane >= to && lane < from ? "_" : " "
      if lane == from - 1, from < lanes.count { text += "  " }
    }
    return trimmed(text)
  }

  private static func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
