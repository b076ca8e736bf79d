import Cairn

@c(cairn_prune)
public func prune(
  _ handle: OpaquePointer?, _ policy: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(policy, "policy")
    let wanted = try members.prunePolicy()
    var selection = PruneSelection()
    selection.run = try members.string("run")
    selection.paths = try members.strings("paths") ?? []
    let isPlan = try members.bool("dry_run") ?? false
    let force = try members.bool("force") ?? false
    let pointers = try members.bool("pointers") ?? false
    try members.end()
    if isPlan {
      let found = try pointers ? repository.prunablePointers(wanted, selection) : []
      let released = found.reduce(into: Set<String>()) { $0.formUnion($1.releases) }
      let plan = try repository.planPrune(wanted, selection, released: released)
      let empty = plan.groups.filter(\.keepsNothing).map { "nothing would stay of \($0.title): this needs force" }
      try give(
        JSONValue(
          dryRun: true, plan.groups, freed: plan.freed, unlinked: found.map(\.file), warnings: force ? [] : empty),
        report)
      return
    }
    let (done, unlinked) =
      try pointers
      ? repository.pruneWithPointers(wanted, selection, force: force)
      : (repository.prune(wanted, selection, force: force), [])
    try give(
      JSONValue(
        dryRun: false, done.groups, freed: done.removal.freed, unlinked: unlinked, warnings: done.removal.warnings),
      report)
  }
}

extension Members {
  fileprivate mutating func prunePolicy() throws -> PrunePolicy {
    var policy = PrunePolicy()
    policy.keepLast = try int("keep_last")
    policy.keepEvery = try int("keep_every")
    policy.keepTagged = try bool("keep_tagged") ?? false
    policy.keepBest = try (strings("keep_best") ?? []).map { text in
      guard let best = PrunePolicy.Best(parsing: text) else {
        throw CairnError(.invalid, "policy: keep_best \(text) names no metric", advice: "metric[:min|:max][:n]")
      }
      return best
    }
    policy.keepWithin = try string("keep_within").map { text in
      guard let seconds = PrunePolicy.duration(parsing: text) else {
        throw CairnError(
          .invalid, "policy: keep_within \(text) is no length of time", advice: "90m, 36h, 7d, 2w, 1d12h")
      }
      return seconds
    }
    if let name = try string("group_by") {
      guard let grouping = PrunePolicy.Grouping(rawValue: name) else {
        throw CairnError(
          .invalid, "policy: group_by \(name)",
          advice: PrunePolicy.Grouping.allCases.map(\.rawValue).joined(separator: ", "))
      }
      policy.grouping = grouping
    }
    return policy
  }
}
