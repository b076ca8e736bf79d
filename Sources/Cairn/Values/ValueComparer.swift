import CairnCore

/// Compares the values of pairs of tensors.
enum ValueComparer {
  /// The change of each pair, in order; nil where the two have no elements that correspond: shapes that differ, or bytes
  /// of types that are not known on one side only.
  ///
  /// Throws ``TensorError``, and what reading throws.
  static func changes(
    _ pairs: [(old: ElementSource, new: ElementSource)], progress: (@Sendable (Int, Int) -> Void)? = nil,
    isCancelled: (@Sendable () -> Bool)? = nil
  ) throws -> [ValueChange?] {
    var jobs: [ElementScan.Job] = []
    var comparisons: [ValueComparison] = []
    let jobOfPair = try pairs.map { pair -> Int? in
      let comparison = ValueComparison(old: pair.old.view.format, new: pair.new.view.format)
      guard pair.old.view.shape == pair.new.view.shape,
        comparison.hasNumbers || pair.old.view.dtype == pair.new.view.dtype
      else { return nil }
      jobs.append(try ElementScan.Job([pair.old, pair.new]))
      comparisons.append(comparison)
      return jobs.count - 1
    }
    let tallies = try ElementScan(jobs: jobs, progress: progress, isCancelled: isCancelled).run({ _ in ValueTally() }) {
      [comparisons] tally, job, block in comparisons[job].add(block, to: &tally)
    }
    return jobOfPair.enumerated().map { index, job in
      guard let job else { return nil }
      var sum = ValueTally()
      for tally in tallies[job] { sum.add(tally) }
      return sum.change(
        count: pairs[index].old.view.elementCount, repeats: jobs[job].order.repeats,
        countsBytes: !comparisons[job].hasNumbers)
    }
  }
}
