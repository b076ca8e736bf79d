import Foundation
import Testing

/// The protocol of saving and removing as a small machine that is explored whole: every interleaving, every death, every
/// way in which a power loss may take what was not fsynced.
///
/// With `CAIRN_MODEL=long` in the environment also with all that can go wrong at once, which takes minutes in a debug
/// build.
@Suite struct ProtocolModelTests {
  /// Who works at once, and what may go wrong.
  enum Scenario: CaseIterable {
    case twoSaversAndARemover, anOverwriterASaverAndACollector, fourWithoutAPowerLoss
    case anIndexIsReplaced, anIndexIsMadeAnew, anIndexOfAnotherHistory
    case fsyncsFail, fsyncsFailAndTheIndexIsMadeAnew
    case blobsWereCopiedIn
    case everything

    static let run = allCases.filter {
      $0 != .everything || ProcessInfo.processInfo.environment["CAIRN_MODEL"] == "long"
    }

    var model: ModelScenario {
      let overwriter = ModelRole.saver(1, replacing: 0)
      let savers = [ModelRole.saver(1, replacing: nil), .saver(2, replacing: nil)]
      switch self {
      case .twoSaversAndARemover: return ModelScenario(roles: savers + [.remover(0)])
      case .anOverwriterASaverAndACollector: return ModelScenario(roles: [overwriter, savers[1], .collector])
      case .fourWithoutAPowerLoss:
        return ModelScenario(roles: [overwriter, savers[1], .remover(0), .collector], losses: 0)
      case .anIndexIsReplaced: return ModelScenario(roles: [overwriter, .remover(0), .collector], replacements: 1)
      case .anIndexIsMadeAnew: return ModelScenario(roles: [overwriter, savers[1], .reindexer])
      case .anIndexOfAnotherHistory:
        let foreign = ModelLog().appending(.saved(0, replacing: nil)).appending(.removed(0))
        return ModelScenario(roles: [savers[0], .collector], replacements: 1, foreign: foreign)
      case .fsyncsFail: return ModelScenario(roles: [savers[0], .remover(0), .collector], failures: 2)
      case .fsyncsFailAndTheIndexIsMadeAnew:
        return ModelScenario(roles: [.remover(0), .reindexer, .collector], replacements: 1, failures: 1)
      case .blobsWereCopiedIn:
        let roles = [savers[0], .saver(2, replacing: 0), .reindexer]
        return ModelScenario(needs: [[0, 1], [1], [1, 2]], roles: roles, unsynced: 2)
      case .everything:
        return ModelScenario(roles: [overwriter, savers[1], .remover(0), .collector], replacements: 1, failures: 1)
      }
    }
  }

  @Test(arguments: Scenario.run)
  func everythingPromisedHoldsWhateverHappens(_ scenario: Scenario) {
    let exploration = ModelExploration(scenario.model)
    #expect(exploration.violation == nil, "\(exploration.violation?.description ?? "")")
    #expect(exploration.states > 1_000)
  }

  /// A change to the protocol that breaks one of its rules is noticed: none of them is there for nothing.
  @Test(arguments: ModelRule.allCases)
  func aRuleThatIsBrokenIsNoticed(_ rule: ModelRule) {
    let scenario: Scenario =
      switch rule {
      case .rowsAtZeroAreNotTrusted, .reusedBlobsAreLookedAtAgain, .contentsAreSynced, .lineFollowsBlobs, .lineIsSynced,
        .blobsGoAfterTheLine, .sweepsSettle, .tornLinesAreCut, .lockIsTaken:
        .twoSaversAndARemover
      case .collectorLooksAgain: .anOverwriterASaverAndACollector
      case .reusedFilesAreSynced, .directoriesAreSynced: .blobsWereCopiedIn
      case .tailIsWrittenAgain, .completeLinesStay: .fsyncsFail
      case .rebuildWritesLastLine: .fsyncsFailAndTheIndexIsMadeAnew
      case .chainIsCompared: .anIndexOfAnotherHistory
      }
    var broken = scenario.model
    broken.broken = [rule]
    #expect(ModelExploration(broken).violation != nil)
  }
}
