import Foundation
import GRDB

/// Which checkpoints a policy is applied to: all, or those of a run, of paths, of both.
public struct PruneSelection: Sendable, Hashable {
  /// The name of a run.
  public var run: String?
  /// Paths; empty: all.
  public var paths: [String] = []

  /// All checkpoints.
  public init() {}
}

/// What a policy would do.
public struct PrunePlan: Sendable {
  /// The groups, those with the newest checkpoints first.
  public var groups: [PruneGroup]
  /// What would be freed, to the byte, as long as nobody else changes the repository: what only these checkpoints
  /// reference, and what waits for a sweep.
  public var freed: Freed

  /// The checkpoints that stay.
  public var kept: [PruneGroup.Decision] { groups.flatMap { $0.decisions.filter(\.isKept) } }
  /// The checkpoints that go.
  public var removed: [PruneCandidate] { groups.flatMap { $0.decisions.filter { !$0.isKept }.map(\.checkpoint) } }

  /// Throws ``CairnError/Kind/invalid`` if there is a group of which nothing would stay.
  public func requireSomethingKept() throws {
    let empty = groups.filter(\.keepsNothing).map(\.title)
    guard let first = empty.first else { return }
    let others = empty.count > 1 ? " and \(empty.count - 1) more" : ""
    throw CairnError(
      .invalid, "nothing would stay of \(first)\(others): no rule keeps any of its checkpoints",
      advice: "nothing was removed; choose other rules, or go on all the same with --force")
  }
}

/// What pruning has done.
public struct PruneReport: Sendable {
  /// What was decided.
  public var groups: [PruneGroup]
  /// What was removed and freed.
  public var removal: Repository.Removal
}

extension Repository {
  /// What ``prune(_:_:released:force:progress:)`` would do: nothing is changed.
  ///
  /// Throws ``CairnError/Kind/invalid`` for a policy without a rule, or one that names a metric which no checkpoint of
  /// the selection has, and ``CairnError/Kind/notFound`` for an unknown run.
  public func planPrune(
    _ policy: PrunePolicy, _ selection: PruneSelection = PruneSelection(), released: Set<String> = []
  ) throws -> PrunePlan {
    try withPruneChoice(policy, selection) { choice in
      var plan = choice.plan(released: released)
      plan.freed = try choice.freed(by: plan, in: self)
      return plan
    }
  }

  /// Asks what a policy would choose, all from one state of the repository.
  package func withPruneChoice<Result>(
    _ policy: PrunePolicy, _ selection: PruneSelection, _ body: (PruneChoice) throws -> Result
  ) throws -> Result {
    try policy.validate()
    return try read { try body(PruneChoice($0, policy, selection)) }
  }

  /// Removes the checkpoints that no rule keeps, and frees the bytes that only they need. What stays is decided when the
  /// repository's lock is held: a checkpoint that is being tagged meanwhile stays, or is not there any more.
  ///
  /// - Parameters:
  ///   - released: The ids of checkpoints whose pointer files are gone, durably: they are treated as any other.
  ///   - force: Goes on although nothing would stay of a group.
  ///   - progress: Told how many files have been unlinked.
  ///
  /// Throws as ``planPrune(_:_:released:)``, and ``CairnError/Kind/invalid`` if nothing would stay of a group; then
  /// nothing was removed.
  public func prune(
    _ policy: PrunePolicy, _ selection: PruneSelection = PruneSelection(), released: Set<String> = [],
    force: Bool = false, progress: Progress? = nil
  ) throws -> PruneReport {
    try prune(policy, selection, force: force, progress: progress) { _ in released }
  }

  /// The same, and with the lock held `release` may let go of pointer files, durably, and gives the ids of what they held:
  /// so nothing can be tagged, or become the best, between that choice and the removal. It may be called a second time.
  package func prune(
    _ policy: PrunePolicy, _ selection: PruneSelection, force: Bool, progress: Progress?,
    release: (PruneChoice) throws -> Set<String>
  ) throws -> PruneReport {
    try policy.validate()
    var groups: [PruneGroup] = []
    let removal = try remove(progress: progress) { db in
      let choice = try PruneChoice(db, policy, selection)
      let plan = choice.plan(released: try release(choice))
      if !force { try plan.requireSomethingKept() }
      groups = plan.groups
      return plan.removed.map { Removable(id: $0.id, name: $0.name) }
    }
    return PruneReport(groups: groups, removal: removal)
  }
}

/// What a policy chooses, as the repository is at one moment.
package struct PruneChoice {
  private let db: Database
  private let policy: PrunePolicy
  private let candidates: PruneCandidates

  init(_ db: Database, _ policy: PrunePolicy, _ selection: PruneSelection) throws {
    self.db = db
    self.policy = policy
    candidates = try PruneCandidates(db, policy, selection)
  }

  /// What would be done if no pointer file held these any more; how much that frees is left out.
  package func plan(released: Set<String> = []) -> PrunePlan {
    PrunePlan(groups: policy.evaluate(candidates.all, released: released), freed: Freed())
  }

  /// Whether there is a checkpoint with this id, of the selection or not.
  package func isThere(_ id: String) throws -> Bool {
    try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM checkpoint WHERE uid = ?)", arguments: [id]) == true
  }

  fileprivate func freed(by plan: PrunePlan, in repository: Repository) throws -> Freed {
    var estimate = ReleaseEstimate(db)
    for checkpoint in plan.removed {
      if let manifest = candidates.manifests[checkpoint.id] { estimate.release(manifest: manifest) }
    }
    return try estimate.freed(repository)
  }
}

/// The checkpoints of a selection, newest first, as a policy sees them.
private struct PruneCandidates {
  private(set) var all: [PruneCandidate] = []
  /// The row of each one's manifest, by its id.
  private(set) var manifests: [String: Int64] = [:]

  init(_ db: Database, _ policy: PrunePolicy, _ selection: PruneSelection) throws {
    if let run = selection.run,
      try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM run WHERE name = ?)", arguments: [run]) != true
    {
      throw CairnError(.notFound, "\(run): no such run", advice: "`cairn log` lists checkpoints with their runs")
    }
    var conditions = ["(? IS NULL OR r.name = ?)"]
    var arguments: StatementArguments = [selection.run, selection.run]
    if !selection.paths.isEmpty {
      conditions.append("p.name IN (\(Array(repeating: "?", count: selection.paths.count).joined(separator: ", ")))")
      arguments += StatementArguments(selection.paths)
    }
    // By their rows: in the order in which they were committed, whatever the clocks of their hosts say.
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT c.id, c.uid, p.name, c.version, r.name, c.step, c.created, m.state, m.size, m.id, c.pointer_path
        FROM checkpoint c JOIN path p ON p.id = c.path_id JOIN manifest m ON m.id = c.manifest_id
          LEFT JOIN run r ON r.id = c.run_id WHERE \(conditions.joined(separator: " AND ")) ORDER BY c.id DESC
        """, arguments: arguments)
    var places: [Int64: Int] = [:]
    for row in rows {
      var candidate = try PruneCandidate(
        id: row.value(1), path: row.value(2), version: row.value(3), created: row.value(6))
      (candidate.run, candidate.step, candidate.size) = try (row.value(4), row.value(5), row.value(8))
      candidate.pointerPath = try row.value(10)
      candidate.isWhole = try row.value(7) as Int == ManifestState.whole.rawValue
      try places[row.value(0)] = all.count
      manifests[candidate.id] = try row.value(9)
      all.append(candidate)
    }
    for row in try Row.fetchAll(db, sql: "SELECT checkpoint_id, name FROM tag ORDER BY name") {
      if let place = try places[row.value(0)] { try all[place].tags.append(row.value(1)) }
    }
    for metric in Set(policy.keepBest.map(\.metric)) { try add(metric, db, places) }
  }

  private mutating func add(_ metric: String, _ db: Database, _ places: [Int64: Int]) throws {
    var isKnown = false
    let values = try Row.fetchCursor(
      db, sql: "SELECT checkpoint_id, value FROM metric WHERE name = ?", arguments: [metric])
    while let row = try values.next() {
      guard let place = try places[row.value(0)] else { continue }
      all[place].metrics[metric] = try row.value(1)
      isKnown = true
    }
    // Or else one misspelt name removes all of the best.
    guard isKnown || all.isEmpty else {
      let known = try String.fetchAll(db, sql: "SELECT DISTINCT name FROM metric ORDER BY name LIMIT 20")
      throw CairnError(
        .invalid, "\(metric): no checkpoint here has this metric",
        advice: known.isEmpty ? "none has any" : "there are \(known.joined(separator: ", "))")
    }
  }
}
