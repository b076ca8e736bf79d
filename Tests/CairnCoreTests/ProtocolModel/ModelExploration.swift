/// All that can come of a scenario, looked at breadth first.
struct ModelExploration {
  /// A promise that was broken, and how it came to it.
  struct Violation: CustomStringConvertible {
    var what: String
    var trace: [String]
    var description: String { ([what] + trace.map { "  " + $0 }).joined(separator: "\n") }
  }

  private(set) var violation: Violation?
  private(set) var states = 0

  init(_ scenario: ModelScenario) {
    let steps = ModelSteps(scenario: scenario)
    let promises = ModelPromises(scenario: scenario, steps: steps)
    let start = scenario.start
    var parents: [ModelState: ModelSteps.Step?] = [start: nil]
    var queue = [start]
    while states < queue.count {
      let state = queue[states]
      states += 1
      if let what = promises.broken(in: state) {
        violation = Violation(what: what, trace: Self.trace(to: state, parents))
        return
      }
      var next = steps.events(in: state)
      var isStuck = state.processes.contains { !$0.hasEnded }
      for number in state.processes.indices {
        let own = steps.steps(of: number, in: state)
        // Dying is no way on.
        if own.contains(where: { $0.state.processes[number].place != .dead }) { isStuck = false }
        next += own
      }
      if isStuck {
        violation = Violation(what: "nobody can go on", trace: Self.trace(to: state, parents))
        return
      }
      for step in next where parents[step.state] == nil {
        if let what = promises.leftGarbage(step) {
          let last = step.process.map { "process \($0) " } ?? ""
          let trace = Self.trace(to: state, parents) + [last + "\(step.what)"]
          violation = Violation(what: what, trace: trace)
          return
        }
        parents[step.state] = .some(ModelSteps.Step(state: state, process: step.process, what: step.what))
        queue.append(step.state)
      }
    }
  }

  private static func trace(to state: ModelState, _ parents: [ModelState: ModelSteps.Step?]) -> [String] {
    var trace: [String] = []
    var at = state
    while case .some(.some(let step)) = parents[at] {
      trace.append((step.process.map { "process \($0) " } ?? "") + "\(step.what)")
      at = step.state
    }
    return trace.reversed()
  }
}

/// What has to hold in every state, if all processes die there, or if the power is lost there.
struct ModelPromises {
  let scenario: ModelScenario
  let steps: ModelSteps

  /// What the processes have promised.
  private struct Promised {
    var saved: UInt8 = 0
    var removed: UInt8 = 0
    var failed: UInt8 = 0
  }

  /// A promise that is broken; nil if none is.
  func broken(in state: ModelState) -> String? {
    let promised = promised(in: state)
    if let what = broken(index: state.index, log: state.log, visible: state.visible, promised) {
      return what + " when all have died"
    }
    for visible in steps.blobOutcomes(state) {
      for log in state.durable {
        for index in [state.index] + steps.olderIndexes(than: state.index) {
          if let what = broken(index: index, log: log, visible: visible, promised) {
            return what + " after a power loss"
          }
        }
      }
    }
    return nil
  }

  private func promised(in state: ModelState) -> Promised {
    var promised = Promised(saved: scenario.saved.reduce(0) { $0 | 1 << UInt8($1) })
    for checkpoint in scenario.saved where !scenario.hasPromise(checkpoint) {
      promised.saved &= ~(1 << UInt8(checkpoint))
    }
    var begun: UInt8 = 0
    for (role, process) in zip(scenario.roles, state.processes) {
      var removes: Int?
      switch role {
      case .saver(let checkpoint, let replaced):
        removes = replaced
        if process.isCommitted { promised.saved |= 1 << UInt8(checkpoint) }
        if process.place == .failed, !process.isCommitted { promised.failed |= 1 << UInt8(checkpoint) }
      case .remover(let checkpoint): removes = checkpoint
      case .collector, .reindexer: break
      }
      guard let removes, process.hasBegun else { continue }
      begun |= 1 << UInt8(removes)
      if process.isCommitted { promised.removed |= 1 << UInt8(removes) }
    }
    promised.saved &= ~begun
    return promised
  }

  private func broken(index: ModelIndex?, log: ModelLog, visible: UInt8, _ promised: Promised) -> String? {
    // By the index that is there, and by one made anew.
    for settled in [settled(index, log), settled(nil, log)] {
      var counts = [0, 0, 0]
      for checkpoint in scenario.needs.indices {
        let bit: UInt8 = 1 << UInt8(checkpoint)
        let isListed = settled.lists(checkpoint)
        if promised.saved & bit != 0, !isListed { return "\(checkpoint) was saved and is not there" }
        if promised.removed & bit != 0, isListed { return "\(checkpoint) was removed and is there" }
        if promised.failed & bit != 0, isListed { return "\(checkpoint) was not saved and is there" }
        guard isListed else { continue }
        if scenario.hasPromise(checkpoint), scenario.mask(checkpoint) & ~visible != 0 {
          return "\(checkpoint) is there without its blobs"
        }
        for blob in scenario.needs[checkpoint] { counts[blob] += 1 }
      }
      for blob in 0..<3 where max(settled[blob], 0) != counts[blob] {
        return "blob \(blob) has the count \(settled[blob]), not \(counts[blob])"
      }
    }
    return nil
  }

  private func settled(_ index: ModelIndex?, _ log: ModelLog) -> ModelIndex {
    (steps.usable(index, log) ?? ModelIndex()).following(log, scenario.needs)
  }

  /// Whether `gc` ends with this step, and has left something although nobody else was at work.
  func leftGarbage(_ step: ModelSteps.Step) -> String? {
    guard let number = step.process, scenario.roles[number] == .collector else { return nil }
    let process = step.state.processes[number]
    guard process.place == .done, process.isAlone else { return nil }
    let index = settled(step.state.index, step.state.log)
    let needed = scenario.needs.indices.filter { index.lists($0) }.reduce(0) { $0 | scenario.mask($1) }
    return step.state.visible & ~needed != 0 ? "gc, alone, has left what nobody needs" : nil
  }
}
