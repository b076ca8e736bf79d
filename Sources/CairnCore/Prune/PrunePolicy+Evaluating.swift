import Foundation

extension PrunePolicy {
  /// What becomes of checkpoints, which come newest first; the groups in the order of their newest.
  ///
  /// `released` are the ids of checkpoints that no pointer file holds any more.
  public func evaluate(_ candidates: [PruneCandidate], released: Set<String> = []) -> [PruneGroup] {
    var groups: [PruneGroup] = []
    var places: [GroupKey: Int] = [:]
    for candidate in candidates {
      let empty = group(of: candidate)
      let key = GroupKey(name: empty.name.map { ExactName($0) }, isRun: empty.isRun)
      let place = places[key] ?? groups.count
      if place == groups.count {
        places[key] = place
        groups.append(empty)
      }
      var rules: [PruneRule] = candidate.tags.isEmpty ? [] : [.tagged]
      if candidate.isHeldByPointer, !released.contains(candidate.id) { rules.append(.pointer) }
      if !candidate.isWhole { rules.append(.incomplete) }
      groups[place].decisions.append(PruneGroup.Decision(checkpoint: candidate, rules: rules))
    }
    for place in groups.indices { apply(to: &groups[place].decisions) }
    return groups
  }

  /// Names that only Unicode calls the same are two runs, of which each keeps its own.
  private struct GroupKey: Hashable {
    var name: ExactName?
    var isRun: Bool
  }

  private func group(of candidate: PruneCandidate) -> PruneGroup {
    switch grouping {
    case .all: return PruneGroup(name: nil, isRun: false, decisions: [])
    case .run where candidate.run != nil: return PruneGroup(name: candidate.run, isRun: true, decisions: [])
    case .run, .path: return PruneGroup(name: candidate.path, isRun: false, decisions: [])
    }
  }

  private func apply(to decisions: inout [PruneGroup.Decision]) {
    // What is not all there takes no place from what is.
    let whole = decisions.indices.filter { decisions[$0].checkpoint.isWhole }
    let all = decisions.map(\.checkpoint)
    var kept: [Int: [PruneRule]] = [:]
    func keep(_ places: some Sequence<Int>, _ rule: PruneRule) {
      for place in places { kept[place, default: []].append(rule) }
    }
    if let keepLast { keep(whole.prefix(keepLast), .last) }
    if let keepEvery { keep(Self.earliest(whole, of: all, every: keepEvery), .every) }
    for best in keepBest { keep(Self.best(whole, of: all, best), .best(best.metric)) }
    if let keepWithin { keep(Self.recent(whole, of: all, seconds: keepWithin), .within) }
    for (place, rules) in kept { decisions[place].rules = rules + decisions[place].rules }
  }

  /// The earliest of each interval: unlike the latest it stays the same while more are saved, so that pruning again and
  /// again keeps one for each.
  private static func earliest(_ places: [Int], of all: [PruneCandidate], every steps: Int) -> [Int] {
    var found: [Int: (place: Int, step: Int)] = [:]
    for place in places {
      guard let step = all[place].step else { continue }
      let interval = step >= 0 ? step / steps : -1 - (-1 - step) / steps
      // Of several at one step, the newest, which comes first.
      if let other = found[interval], other.step <= step { continue }
      found[interval] = (place, step)
    }
    return found.values.map(\.place).sorted()
  }

  private static func best(_ places: [Int], of all: [PruneCandidate], _ best: Best) -> [Int] {
    let known = places.compactMap { place -> (place: Int, value: Double)? in
      guard let value = all[place].metrics[best.metric], !value.isNaN else { return nil }
      return (place, best.order == .min ? value : -value)
    }
    return known.sorted { ($0.value, $0.place) < ($1.value, $1.place) }.prefix(best.count).map(\.place)
  }

  /// Counted from the newest, as restic does: a run that ended long ago keeps its end.
  private static func recent(_ places: [Int], of all: [PruneCandidate], seconds: Double) -> [Int] {
    let times = places.map { date(fromTimestamp: all[$0].created) }
    guard let newest = times.compactMap({ $0 }).max() else { return places }
    // One whose time cannot be read may be new.
    return zip(places, times).filter { $1.map { newest.timeIntervalSince($0) <= seconds } ?? true }.map(\.0)
  }
}
