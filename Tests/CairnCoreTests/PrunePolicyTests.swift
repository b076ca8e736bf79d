import Foundation
import Testing

@testable import CairnCore

/// Which checkpoints a policy keeps, and why: no repository is needed for that.
@Suite struct PrunePolicyTests {
  /// Newest first, an hour between two, `count` steps apart.
  private func history(_ steps: [Int?], run: String? = "r", path: String = "p") -> [PruneCandidate] {
    steps.indices.reversed().map { index in
      var candidate = PruneCandidate(
        id: "\(path)\(index)", path: path, version: index + 1,
        created: timestamp(Date(timeIntervalSince1970: 1_700_000_000 + 3_600 * Double(index))))
      candidate.run = run
      candidate.step = steps[index]
      return candidate
    }
  }

  /// The versions that stay, oldest first, with their rules.
  private func kept(_ groups: [PruneGroup]) -> [String] {
    groups.flatMap(\.decisions).filter(\.isKept).reversed().map { decision in
      "\(decision.checkpoint.version): \(decision.rules.map(\.description).joined(separator: " "))"
    }
  }

  private func policy(_ fill: (inout PrunePolicy) -> Void) -> PrunePolicy {
    var policy = PrunePolicy()
    fill(&policy)
    return policy
  }

  @Test func eachRuleKeepsWhatItSays() {
    let steps = history([100, 900, 1_000, 1_500, 2_700, 2_700, nil, 4_000])
    #expect(kept(policy { $0.keepLast = 2 }.evaluate(steps)) == ["7: last", "8: last"])
    #expect(
      kept(policy { $0.keepEvery = 1_000 }.evaluate(steps)) == ["1: every", "3: every", "6: every", "8: every"],
      "the earliest of an interval, of equal steps the newest, and none without a step")
    #expect(kept(policy { $0.keepWithin = 3_600 }.evaluate(steps)) == ["7: within", "8: within"])
    let negative = history([-1_000, -1, 0, 999])
    #expect(kept(policy { $0.keepEvery = 1_000 }.evaluate(negative)) == ["1: every", "3: every"])
    #expect(kept(policy { $0.keepLast = 100 }.evaluate(steps)).count == 8)
  }

  @Test func theBestByAMetric() {
    var all = history([1, 2, 3, 4, 5, 6])
    let values: [Double?] = [0.5, .nan, 0.1, nil, 0.1, -.infinity]
    for place in all.indices {
      if let value = values[all[place].version - 1] { all[place].metrics = ["loss": value] }
    }
    func best(_ text: String) -> [String] {
      kept(policy { $0.keepBest = [.init(parsing: text)].compactMap { $0 } }.evaluate(all))
    }
    #expect(best("loss") == ["6: best loss"])
    #expect(best("loss:2") == ["5: best loss", "6: best loss"], "of equals the newer")
    #expect(best("loss:max") == ["1: best loss"])
    #expect(best("loss:max:100").count == 4, "NaN is never best")
    #expect(best("other") == [])
  }

  @Test func metricsAreReadFromTheirEnd() {
    func read(_ text: String) -> String? {
      PrunePolicy.Best(parsing: text).map { "\($0.metric) \($0.order) \($0.count)" }
    }
    #expect(read("loss") == "loss min 1")
    #expect(read("loss:min") == "loss min 1")
    #expect(read("acc:max:3") == "acc max 3")
    #expect(read("acc:3") == "acc min 3")
    #expect(read("val:loss:max:3") == "val:loss max 3")
    #expect(read("a:b") == "a:b min 1")
    #expect(read("max") == "max min 1")
    #expect(read("") == nil)
    #expect(read(":max") == nil)
  }

  @Test func durationsAreRead() {
    #expect(PrunePolicy.duration(parsing: "90m") == 5_400)
    #expect(PrunePolicy.duration(parsing: "1d12h") == 129_600)
    #expect(PrunePolicy.duration(parsing: "2w") == 1_209_600)
    #expect(PrunePolicy.duration(parsing: "0.5h") == 1_800)
    for text in ["", "7", "d", "7x", "-1d", "7d3", "1..2h", "0s", "٣d", "1e400d"] {
      #expect(PrunePolicy.duration(parsing: text) == nil, "\(text)")
    }
  }

  @Test func groupsAreRunsAndPathsOfNoRun() {
    let all =
      history([1, 2], run: "one", path: "a") + history([3, 4], run: "two", path: "b")
      + history([5, 6], run: nil, path: "c") + history([7], run: nil, path: "d") + history([8], run: "one", path: "e")
    var last = policy { $0.keepLast = 1 }
    func titles() -> [String] { last.evaluate(all).map(\.title) }
    func names() -> [String] { last.evaluate(all).flatMap { $0.decisions.filter(\.isKept).map(\.checkpoint.name) } }
    #expect(titles() == ["run one", "run two", "path c", "path d"])
    #expect(names() == ["a@2", "b@2", "c@2", "d@1"])
    last.grouping = .path
    #expect(titles() == ["path a", "path b", "path c", "path d", "path e"])
    last.grouping = .all
    #expect(titles() == ["all"])
    #expect(names() == ["a@2"])
    // A run and a path of one name are two groups.
    last.grouping = .run
    #expect(last.evaluate(history([1], run: "x", path: "y") + history([1], run: nil, path: "x")).count == 2)
  }

  @Test func whatIsProtectedStays() {
    var all = history([1, 2, 3, 4, 5])
    all[2].tags = ["best"]
    all[3].pointerPath = "p"
    all[0].isWhole = false
    let policy = policy { $0.keepLast = 1 }
    #expect(
      kept(policy.evaluate(all)) == ["2: pointer", "3: tagged", "4: last", "5: incomplete"],
      "what is not all there takes no other's place")
    #expect(kept(policy.evaluate(all, released: [all[3].id, all[2].id])) == ["3: tagged", "4: last", "5: incomplete"])
    #expect(kept(self.policy { $0.keepTagged = true }.evaluate(all)) == ["2: pointer", "3: tagged", "5: incomplete"])
  }

  @Test func policiesThatMakeNoSenseAreRefused() {
    #expect(failure { try PrunePolicy().validate() } == .invalid)
    #expect(failure { try policy { $0.keepLast = 0 }.validate() } == .invalid)
    #expect(failure { try policy { $0.keepEvery = -1 }.validate() } == .invalid)
    #expect(failure { try policy { $0.keepBest = [.init("x", count: 0)] }.validate() } == .invalid)
    #expect(failure { try policy { $0.keepWithin = .nan }.validate() } == .invalid)
    #expect(failure { try policy { $0.keepTagged = true }.validate() } == nil)
  }

  private func randomPolicy(_ random: inout SeededGenerator) -> PrunePolicy {
    policy {
      $0.grouping = PrunePolicy.Grouping.allCases.randomElement(using: &random) ?? .run
      if Bool.random(using: &random) { $0.keepLast = Int.random(in: 1...5, using: &random) }
      if Bool.random(using: &random) { $0.keepEvery = Int.random(in: 1...7, using: &random) }
      if Bool.random(using: &random) {
        $0.keepBest = [
          .init("m", Bool.random(using: &random) ? .min : .max, count: Int.random(in: 1...3, using: &random))
        ]
      }
      if Bool.random(using: &random) { $0.keepWithin = Double(Int.random(in: 1...40_000, using: &random)) }
      $0.keepTagged = Bool.random(using: &random)
    }
  }

  private func randomHistory(_ random: inout SeededGenerator) -> [PruneCandidate] {
    (0..<Int.random(in: 0...30, using: &random)).reversed().map { index in
      var candidate = history(
        Array(repeating: 0, count: index + 1), path: "abc".randomElement(using: &random).map(String.init) ?? "")[0]
      candidate.id = "\(index)"
      candidate.run = ["x", "y", nil].randomElement(using: &random) ?? nil
      candidate.step = Int.random(in: -2...20, using: &random)
      candidate.isWhole = Int.random(in: 0..<10, using: &random) > 0
      if Int.random(in: 0..<5, using: &random) == 0 { candidate.tags = ["t\(index)"] }
      if Bool.random(using: &random) { candidate.metrics = ["m": Double(Int.random(in: 0...4, using: &random))] }
      candidate.pointerPath = Int.random(in: 0..<5, using: &random) == 0 ? "p" : nil
      return candidate
    }
  }

  @Test(arguments: 1...300)
  func anyPolicyProtectsAndMoreRulesKeepMore(_ seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let all = randomHistory(&random)
    let one = randomPolicy(&random)
    func ids(_ policy: PrunePolicy) -> Set<String> {
      Set(policy.evaluate(all).flatMap(\.decisions).filter(\.isKept).map(\.checkpoint.id))
    }
    let groups = one.evaluate(all)
    #expect(groups.flatMap(\.decisions).map(\.checkpoint.id).sorted() == all.map(\.id).sorted(), "each in one group")
    let kept = ids(one)
    for candidate in all where !candidate.tags.isEmpty || candidate.isHeldByPointer || !candidate.isWhole {
      #expect(kept.contains(candidate.id))
    }
    // Another rule, or a more generous one, never keeps less.
    var more = one
    let other = randomPolicy(&random)
    more.keepLast = [one.keepLast, other.keepLast].compactMap { $0 }.max()
    more.keepEvery = one.keepEvery ?? other.keepEvery
    more.keepBest += other.keepBest
    more.keepWithin = [one.keepWithin, other.keepWithin].compactMap { $0 }.max()
    #expect(ids(more).isSuperset(of: kept))
    // Pruning again changes nothing.
    let rest = all.filter { kept.contains($0.id) }
    #expect(!one.evaluate(rest).flatMap(\.decisions).contains { !$0.isKept })
  }
}
