/// What can happen next in a state of the model.
struct ModelSteps {
  /// A state that may follow, and what has led there.
  struct Step {
    var state: ModelState
    /// Who did it; nil for what comes from outside.
    var process: Int?
    var what: StaticString
  }

  let scenario: ModelScenario

  private func keeps(_ rule: ModelRule) -> Bool { scenario.keeps(rule) }

  /// What one process can do.
  func steps(of number: Int, in state: ModelState) -> [Step] {
    let process = state.processes[number]
    if process.hasEnded { return [] }
    var steps: [Step]
    switch process.place {
    case .idle: steps = begin(number, state)
    case .wrote: steps = lockForSaving(number, state)
    case .locked: steps = [rename(number, state)]
    case .renamed: steps = syncDirectories(number, state)
    case .appending: steps = append(number, state)
    case .appended: steps = syncLine(number, state)
    case .cutting: steps = syncCut(number, state)
    case .durable: steps = followWithIndex(number, state)
    case .sweeping: steps = sweep(number, state)
    case .moved: steps = deleteRows(number, state)
    case .done, .dead, .open, .failed: steps = []
    }
    // It may die at any moment; before it has begun that makes no difference.
    if process.place != .idle { steps.append(step(number, state, "dies") { $0.processes[number].place = .dead }) }
    return steps
  }

  /// What others than the processes can do: whoever replaces the index, the kernel, the power.
  func events(in state: ModelState) -> [Step] {
    var steps: [Step] = []
    if state.replacements > 0 {
      for index in olderIndexes(than: state.index) {
        var next = state
        next.index = index
        next.replacements -= 1
        next.isIndexSwapped = state.lock != nil
        steps.append(Step(state: next, what: "the index is replaced by an older one, or deleted"))
      }
    }
    if !state.isDirty, state.durable.count > 1, state.lock == nil {
      for log in state.durable {
        var next = state
        (next.log, next.durable) = (log, [log])
        steps.append(Step(state: next, what: "the kernel drops clean pages and reads the log from the disk"))
      }
    }
    if state.losses > 0 { steps += losses(state) }
    return steps
  }

  private func losses(_ state: ModelState) -> [Step] {
    let hasBegun = state.processes.contains { !$0.hasEnded && $0.place != .idle }
    let outcomes = blobOutcomes(state)
    guard hasBegun || state.durable.count > 1 || outcomes.count > 1 else { return [] }
    var steps: [Step] = []
    for visible in outcomes {
      for log in state.durable {
        for index in [state.index] + olderIndexes(than: state.index) {
          var next = state
          (next.log, next.durable, next.isDirty, next.isTorn) = (log, [log], false, false)
          (next.visible, next.unsureEntries, next.unsureContents) = (visible, 0, 0)
          (next.index, next.lock, next.isIndexSwapped) = (index, nil, false)
          next.losses -= 1
          for number in next.processes.indices where next.processes[number].place != .idle {
            if !next.processes[number].hasEnded { next.processes[number].place = .dead }
          }
          steps.append(Step(state: next, what: "the power is lost"))
        }
      }
    }
    return steps
  }

  /// The indexes that may lie there instead: none, or one of an earlier time.
  func olderIndexes(than index: ModelIndex?) -> [ModelIndex?] {
    guard let index else { return [] }
    let older = (0..<index.applied.count).map { ModelIndex().following(index.applied.prefix($0), scenario.needs) }
    let foreign = scenario.foreign.map { ModelIndex().following($0, scenario.needs) }
    return [nil] + older.map { Optional($0) } + (foreign.map { [$0] } ?? [])
  }

  /// Which blobs may be there, and good, after a power loss.
  func blobOutcomes(_ state: ModelState) -> [UInt8] {
    let unsure = state.unsureEntries | state.unsureContents & state.visible
    let sure = state.visible & ~unsure
    return (0..<8).map { UInt8($0) }.filter { $0 & ~unsure == 0 }.map { sure | $0 }
  }

  private func step(
    _ number: Int, _ state: ModelState, _ what: StaticString, _ change: (inout ModelState) -> Void
  ) -> Step {
    var next = state
    change(&next)
    if next.lock == number {
      switch next.processes[number].place {
      case .locked, .renamed, .appending, .appended, .cutting, .durable, .moved: break
      default: (next.lock, next.isIndexSwapped) = (nil, false)
      }
    }
    return Step(state: next, process: number, what: what)
  }

  private func begin(_ number: Int, _ state: ModelState) -> [Step] {
    switch scenario.roles[number] {
    case .saver(let checkpoint, _):
      return reusable(checkpoint, state).map { blobs in
        step(number, state, "looks up what it can reuse, and writes the rest") {
          if keeps(.reusedFilesAreSynced) { $0.unsureContents &= ~blobs }
          $0.processes[number].blobs = blobs
          $0.processes[number].place = .wrote
        }
      }
    case .remover(let checkpoint):
      return settled(number, state) { $0 = beginRemoval(of: checkpoint, number, $0) }
    case .collector:
      return [
        step(number, state, "lists the blobs") {
          $0.processes[number].blobs = keeps(.collectorLooksAgain) ? state.visible : garbage(state)
          $0.processes[number].isAlone = state.processes.indices.allSatisfy {
            $0 == number || state.processes[$0].hasEnded
          }
          $0.processes[number].place = .sweeping
        }
      ]
    case .reindexer:
      var fresh = state
      fresh.index = nil
      return settled(number, fresh) { $0.processes[number].place = .done }
    }
  }

  /// The sets of blobs that a saver may find to be there.
  private func reusable(_ checkpoint: Int, _ state: ModelState) -> Set<UInt8> {
    let lowest = keeps(.rowsAtZeroAreNotTrusted) ? 1 : 0
    let known = scenario.needs[checkpoint].filter { state.index?[$0] ?? -1 >= lowest }
    let blobs = known.reduce(0) { $0 | 1 << UInt8($1) } & state.visible
    // An index that is replaced has said so at another time.
    let mayBeAny = scenario.replacements > 0 || scenario.roles.contains(.reindexer)
    return mayBeAny ? [blobs, scenario.mask(checkpoint) & state.visible, 0] : [blobs]
  }

  private func garbage(_ state: ModelState) -> UInt8 {
    (0..<3).filter { state.index?[$0] ?? -1 <= 0 }.reduce(0) { $0 | 1 << UInt8($1) } & state.visible
  }

  private func beginRemoval(of checkpoint: Int, _ number: Int, _ settled: ModelState) -> ModelState {
    var state = settled
    guard let index = state.index, index.lists(checkpoint) else {
      let wasThere = (0..<state.log.count).contains {
        if case .saved(checkpoint, _) = state.log[$0] { true } else { false }
      }
      state.processes[number].hasBegun = wasThere
      state.processes[number].isCommitted = wasThere
      state.processes[number].place = .sweeping
      return state
    }
    state.processes[number].hasBegun = true
    state.processes[number].place = .appending
    state.lock = number
    if !keeps(.blobsGoAfterTheLine) {
      for blob in scenario.needs[checkpoint] where index[blob] == 1 { state.setEntry(blob, visible: false) }
    }
    return state
  }

  /// Takes the lock, if it is free, and settles the index; then `body` goes on. It may fail, or the process die on the way.
  private func settled(_ number: Int, _ state: ModelState, _ body: (inout ModelState) -> Void) -> [Step] {
    guard state.lock == nil || !keeps(.lockIsTaken) else { return [] }
    var state = state
    if keeps(.tornLinesAreCut) { state.isTorn = false }
    let usable = usable(state.index, state.log)
    let isRebuilt = usable == nil
    var steps: [Step] = []
    if isRebuilt || state.log.count > usable?.applied.count ?? 0 {
      let isWritten = keeps(.tailIsWrittenAgain) && (!isRebuilt || keeps(.rebuildWritesLastLine))
      if isWritten || state.isDirty {
        if state.failures > 0 {
          steps.append(
            step(number, state, "settles: the fsync fails") {
              $0.isDirty = false
              $0.failures -= 1
              $0.processes[number].place = .failed
            })
        }
        state.isDirty = true
        state.syncLog()
      }
      if state.processes[number].place != .idle {
        steps.append(step(number, state, "writes the tail again, and dies") { $0.processes[number].place = .dead })
      }
    }
    state.index = (usable ?? ModelIndex()).following(state.log, scenario.needs)
    steps.append(step(number, state, "takes the lock and settles", body))
    return steps
  }

  /// The index, if it has applied what the log begins with.
  func usable(_ index: ModelIndex?, _ log: ModelLog) -> ModelIndex? {
    guard let index else { return nil }
    let fits = keeps(.chainIsCompared) ? log.hasPrefix(index.applied) : index.applied.count <= log.count
    return fits ? index : nil
  }

  private func lockForSaving(_ number: Int, _ state: ModelState) -> [Step] {
    guard case .saver(let checkpoint, _) = scenario.roles[number] else { return [] }
    return settled(number, state) { settled in
      let reused = settled.processes[number].blobs
      let there = scenario.needs[checkpoint].filter { blob in
        let count = settled.index?[blob] ?? -1
        if count == 0 { return !keeps(.rowsAtZeroAreNotTrusted) }
        return count > 0 && settled.visible >> UInt8(blob) & 1 == 1
      }
      .reduce(0 as UInt8) { $0 | 1 << UInt8($1) }
      if keeps(.reusedBlobsAreLookedAtAgain), reused & ~there != 0 {
        // Released, to write what has gone.
        settled.processes[number].blobs = reused & there
        return
      }
      settled.lock = number
      settled.processes[number].place = keeps(.lineFollowsBlobs) ? .locked : .appending
    }
  }

  private func rename(_ number: Int, _ state: ModelState) -> Step {
    step(number, state, "renames its blobs into place") {
      putBlobs(number, &$0)
      $0.processes[number].place = .renamed
    }
  }

  private func putBlobs(_ number: Int, _ state: inout ModelState) {
    guard case .saver(let checkpoint, _) = scenario.roles[number] else { return }
    for blob in scenario.needs[checkpoint] where state.processes[number].blobs >> UInt8(blob) & 1 == 0 {
      state.setEntry(blob, visible: true)
      let bit: UInt8 = 1 << UInt8(blob)
      if keeps(.contentsAreSynced) { state.unsureContents &= ~bit } else { state.unsureContents |= bit }
    }
  }

  private func syncDirectories(_ number: Int, _ state: ModelState) -> [Step] {
    guard case .saver(let checkpoint, _) = scenario.roles[number] else { return [] }
    var steps = [
      step(number, state, "makes the names durable") {
        // Those of what is reused too: whoever renamed it may have died before this.
        let all = scenario.mask(checkpoint)
        let synced = keeps(.directoriesAreSynced) ? all : all & ~$0.processes[number].blobs
        $0.unsureEntries &= ~synced
        $0.processes[number].place = .appending
      }
    ]
    if state.failures > 0 {
      steps.append(
        step(number, state, "cannot make the names durable") {
          $0.failures -= 1
          $0.processes[number].place = .failed
        })
    }
    return steps
  }

  private func append(_ number: Int, _ state: ModelState) -> [Step] {
    let line: ModelLine
    switch scenario.roles[number] {
    case .saver(let checkpoint, let replaced): line = .saved(checkpoint, replacing: replaced)
    case .remover(let checkpoint): line = .removed(checkpoint)
    case .collector, .reindexer: return []
    }
    return [
      step(number, state, "appends its line") {
        if line != .saved(0, replacing: nil), case .saved(_, replacing: .some) = line {
          $0.processes[number].hasBegun = true
        }
        // Behind half a line nobody can read it.
        if $0.isTorn { $0.isDirty = true } else { $0.change($0.log.appending(line)) }
        $0.processes[number].place = .appended
      },
      step(number, state, "appends half its line, and dies") {
        $0.isTorn = true
        $0.processes[number].place = .dead
      },
    ]
  }

  private func syncLine(_ number: Int, _ state: ModelState) -> [Step] {
    var steps = [
      step(number, state, "makes its line durable") {
        if keeps(.lineIsSynced) { $0.syncLog() }
        $0.processes[number].isCommitted = true
        $0.processes[number].place = .durable
      }
    ]
    if state.failures > 0 {
      steps.append(
        step(number, state, "cannot make its line durable") {
          $0.failures -= 1
          $0.isDirty = false
          $0.processes[number].place = .open
          if !keeps(.completeLinesStay), state.log.count > 0 {
            $0.change(state.log.prefix(state.log.count - 1))
            $0.processes[number].place = .cutting
          }
        })
    }
    return steps
  }

  /// Only where complete lines are cut off.
  private func syncCut(_ number: Int, _ state: ModelState) -> [Step] {
    var steps = [
      step(number, state, "makes it durable that the line is gone") {
        $0.syncLog()
        $0.processes[number].hasBegun = false
        $0.processes[number].place = .failed
      }
    ]
    if state.failures > 0 {
      steps.append(
        step(number, state, "cannot make that durable") {
          $0.failures -= 1
          $0.isDirty = false
          $0.processes[number].place = .open
        })
    }
    return steps
  }

  private func followWithIndex(_ number: Int, _ state: ModelState) -> [Step] {
    var next = state
    if !keeps(.lineFollowsBlobs) { putBlobs(number, &next) }
    let isSweeper: Bool
    switch scenario.roles[number] {
    case .saver(_, let replaced): isSweeper = replaced != nil
    default: isSweeper = true
    }
    next.processes[number].place = isSweeper ? .sweeping : .done
    return [
      step(number, next, "brings the index up to its line") {
        if !$0.isIndexSwapped {
          $0.index = (usable($0.index, $0.log) ?? ModelIndex()).following($0.log, scenario.needs)
        }
      },
      step(number, next, "leaves that to others, or cannot do it") { _ in },
    ]
  }

  private func sweep(_ number: Int, _ state: ModelState) -> [Step] {
    guard keeps(.sweepsSettle) else {
      guard state.lock == nil else { return [] }
      return move(number, state)
    }
    let steps = settled(number, state) { $0.lock = number }
    return steps.flatMap { step in
      // With the lock, or failed or dead.
      step.state.processes[number].hasEnded ? [step] : move(number, step.state)
    }
  }

  /// Moves the files of rows at 0, and those without a row that `gc` has listed, out of their places.
  private func move(_ number: Int, _ state: ModelState) -> [Step] {
    let process = state.processes[number]
    let isCollector = scenario.roles[number] == .collector
    let victims = (0..<3).filter { blob in
      guard let index = state.index else { return false }
      let isListed = isCollector && process.blobs >> UInt8(blob) & 1 == 1 && state.visible >> UInt8(blob) & 1 == 1
      if isListed, !keeps(.collectorLooksAgain) { return true }
      return index[blob] == 0 || isListed && index[blob] < 0
    }
    var unlocked = state
    unlocked.lock = nil
    if victims.isEmpty {
      return [step(number, unlocked, "finds nothing to sweep") { $0.processes[number].place = .done }]
    }
    var steps = [
      step(number, unlocked, "moves files out of their places") {
        $0.lock = number
        for blob in victims { $0.setEntry(blob, visible: false) }
        $0.processes[number].blobs = victims.reduce(0) { $0 | 1 << UInt8($1) }
        $0.processes[number].place = .moved
      }
    ]
    for blob in victims where victims.count > 1 {
      steps.append(
        step(number, unlocked, "moves one of the files, and dies") {
          $0.setEntry(blob, visible: false)
          $0.processes[number].place = .dead
        })
    }
    return steps
  }

  private func deleteRows(_ number: Int, _ state: ModelState) -> [Step] {
    var next = state
    next.processes[number].place = .done
    var steps = [
      step(number, next, "deletes the rows, and unlinks") {
        guard !$0.isIndexSwapped else { return }
        for blob in 0..<3 where state.processes[number].blobs >> UInt8(blob) & 1 == 1 && $0.index?[blob] == 0 {
          $0.index?[blob] = -1
        }
      }
    ]
    if state.replacements > 0 {
      steps.append(step(number, next, "cannot delete the rows, and unlinks") { $0.replacements -= 1 })
    }
    return steps
  }
}
