/// Which checkpoints stay: those that any of the rules keeps, in each group by itself.
///
/// Tagged ones stay anyway, and so do those that a pointer file holds and those of which something is missing.
public struct PrunePolicy: Sendable, Hashable {
  /// What belongs together: each rule keeps as much in each group.
  public enum Grouping: String, Sendable, CaseIterable {
    /// By run; what belongs to no run, by path.
    case run
    /// By path.
    case path
    /// All is one group.
    case all
  }

  /// The best by a metric.
  public struct Best: Sendable, Hashable {
    /// Which way a metric is good.
    public enum Order: String, Sendable {
      /// Low is good.
      case min
      /// High is good.
      case max
    }

    /// The metric's name.
    public var metric: String
    /// Which way it is good.
    public var order: Order
    /// How many are kept.
    public var count: Int

    /// Makes a rule from its parts.
    public init(_ metric: String, _ order: Order = .min, count: Int = 1) {
      self.metric = metric
      self.order = order
      self.count = count
    }

    /// Reads `metric`, `metric:max`, `metric:3` or `metric:max:3`: read from its end, since a metric's name may have
    /// colons. Low is good unless it says `max`. Nil for an empty name.
    public init?(parsing text: String) {
      var parts = text.split(separator: ":", omittingEmptySubsequences: false)
      var (order, count) = (Order.min, 1)
      if parts.count > 1, let last = parts.last, let number = Int(last) {
        count = number
        parts.removeLast()
      }
      if parts.count > 1, let last = parts.last, let named = Order(rawValue: String(last)) {
        order = named
        parts.removeLast()
      }
      self.init(parts.joined(separator: ":"), order, count: count)
      if metric.isEmpty { return nil }
    }
  }

  /// What belongs together.
  public var grouping = Grouping.run
  /// The newest: so many of each group, in the order in which they were saved.
  public var keepLast: Int?
  /// Of each interval of so many steps (0 up to one less than that, and so on) the earliest one.
  public var keepEvery: Int?
  /// The best by metrics; of equally good ones the newer.
  public var keepBest: [Best] = []
  /// Those of the last so many seconds before the newest one of the group.
  public var keepWithin: Double?
  /// That tagged ones stay, as they always do: a rule that by itself keeps nothing else.
  public var keepTagged = false

  /// Makes a policy without a rule.
  public init() {}

  /// Whether it has no rule: nothing is pruned by it then.
  public var isEmpty: Bool {
    keepLast == nil && keepEvery == nil && keepBest.isEmpty && keepWithin == nil && !keepTagged
  }

  /// Throws ``CairnError/Kind/invalid`` if there is no rule, or a number in one that makes no sense.
  public func validate() throws {
    guard !isEmpty else {
      throw CairnError(
        .invalid, "no rule says what to keep",
        advice: "give one: keep the last 3, the best by a metric, the tagged ones")
    }
    for (name, number) in [("keep-last", keepLast), ("keep-every", keepEvery)] {
      if let number, number < 1 { throw CairnError(.invalid, "\(name) \(number)", advice: "at least 1") }
    }
    for best in keepBest where best.count < 1 {
      throw CairnError(.invalid, "keep-best \(best.metric): \(best.count) checkpoints", advice: "at least 1")
    }
    let metrics = Set(keepBest.map { ExactName($0.metric) })
    guard metrics.count == Set(keepBest.map(\.metric)).count else {
      throw CairnError(
        .invalid, "keep-best: two names of metrics look the same and are written in other bytes",
        advice: "prune by one of them")
    }
    if let keepWithin, !(keepWithin > 0) {
      throw CairnError(.invalid, "keep-within \(keepWithin) seconds", advice: "more than nothing")
    }
  }

  /// The seconds that `90m`, `36h`, `7d`, `2w` or `1d12h` means; nil for anything else.
  public static func duration(parsing text: String) -> Double? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
    var total = 0.0
    var digits = ""
    for character in text {
      if character.isASCII, character.isNumber || character == "." {
        digits.append(character)
      } else {
        guard let unit = units[character], let number = Double(digits) else { return nil }
        total += number * unit
        digits = ""
      }
    }
    return digits.isEmpty && total > 0 && total.isFinite ? total : nil
  }
}
