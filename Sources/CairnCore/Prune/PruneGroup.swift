/// What a policy looks at of a checkpoint.
public struct PruneCandidate: Sendable, Hashable {
  /// Its id.
  public var id: String
  /// Its path.
  public var path: String
  /// Its version of the path.
  public var version: Int
  /// The name of its run.
  public var run: String?
  /// The training step.
  public var step: Int?
  /// When it was saved, in UTC: ISO 8601 with milliseconds.
  public var created: String
  /// Those of its metrics that the policy names.
  public var metrics: [String: Double] = [:]
  /// The tags that point to it.
  public var tags: [String] = []
  /// The path for which a pointer file was written that holds it; nil if it was saved in another way.
  public var pointerPath: String?
  /// Whether it was saved for a pointer file, which holds it.
  public var isHeldByPointer: Bool { pointerPath != nil }
  /// Whether all of it is there.
  public var isWhole = true
  /// Its bytes.
  public var size = 0

  /// Makes one of which nothing but its name and time is known.
  public init(id: String, path: String, version: Int, created: String) {
    self.id = id
    self.path = path
    self.version = version
    self.created = created
  }

  /// `path@version`
  public var name: String { "\(path)@\(version)" }
}

/// Why a checkpoint stays.
public enum PruneRule: Sendable, Hashable, CustomStringConvertible {
  /// It is among the newest.
  case last
  /// It is the earliest of an interval of steps.
  case every
  /// It is among the best by that metric.
  case best(String)
  /// It is not older than that.
  case within
  /// It is tagged.
  case tagged
  /// A pointer file holds it.
  case pointer
  /// Something of it is missing: it may be back, or `rm` removes it.
  case incomplete

  /// `last`, `every`, `best METRIC`, `within`, `tagged`, `pointer` or `incomplete`.
  public var description: String {
    switch self {
    case .last: return "last"
    case .every: return "every"
    case .best(let metric): return "best \(metric)"
    case .within: return "within"
    case .tagged: return "tagged"
    case .pointer: return "pointer"
    case .incomplete: return "incomplete"
    }
  }
}

/// Checkpoints that belong together, and what becomes of each.
public struct PruneGroup: Sendable, Hashable {
  /// What becomes of a checkpoint.
  public struct Decision: Sendable, Hashable {
    /// The checkpoint.
    public var checkpoint: PruneCandidate
    /// The rules that keep it; empty: it goes.
    public var rules: [PruneRule]
    /// Whether it stays.
    public var isKept: Bool { !rules.isEmpty }
  }

  /// The name of the run, or the path; nil for the group of all.
  public var name: String?
  /// Whether ``name`` is a run's.
  public var isRun: Bool
  /// The checkpoints, newest first.
  public var decisions: [Decision]

  /// `run R`, `path P` or `all`.
  public var title: String { name.map { (isRun ? "run " : "path ") + $0 } ?? "all" }
  /// Whether nothing of it stays.
  public var keepsNothing: Bool { !decisions.contains(where: \.isKept) }
}
