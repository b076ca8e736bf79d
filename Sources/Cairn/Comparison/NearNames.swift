/// Names that somebody may have meant.
enum NearNames {
  /// More names than this are not looked at.
  private static let mostNames = 20_000
  private static let longest = 200

  /// The names most like `wanted`: those that hold it, then those that few changes make it.
  static func of(_ wanted: String, among names: [String], limit: Int = 3) -> [String] {
    let ranked = names.prefix(mostNames).filter { $0.utf8.count <= longest }.compactMap { name -> (Int, String)? in
      if name.contains(wanted) { return (0, name) }
      let distance = distance(Array(wanted.utf8.prefix(longest)), Array(name.utf8))
      return distance <= max(wanted.utf8.count / 3, 2) ? (distance, name) : nil
    }
    return ranked.sorted { $0 < $1 }.prefix(limit).map(\.1)
  }

  /// How many bytes have to be put in, taken out or replaced (Levenshtein).
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = x == y ? diagonal : min(diagonal, above, row[j]) + 1
        diagonal = above
      }
    }
    return row[b.count]
  }
}
