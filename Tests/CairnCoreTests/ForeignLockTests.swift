import Foundation
import GRDB
import Testing

@testable import CairnCore

/// Another program than Cairn keeps the index locked: a database browser, a backup tool.
@Suite struct ForeignLockTests {
  private func hold(_ repository: Repository, _ kind: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: repository.indexPath, configuration: configuration)
    try other.writeWithoutTransaction { try $0.execute(sql: "BEGIN \(kind)") }
    return other
  }

  @Test(arguments: JournalMode.allCases, ["IMMEDIATE", "EXCLUSIVE"])
  func itIsWaitedFor(_ journal: JournalMode, kind: String) async throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([[1]], "a")
    let other = try hold(repository, kind)
    async let report = onThread { try repository.save([[2]], "b") }
    try await Task.sleep(for: .seconds(1))
    try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
    #expect(try await report.warnings == [])
    try repository.expectSound(["a@1": [[1]], "b@1": [[2]]])
  }

  /// The line is in the log, which is what counts; the index follows when it can.
  @Test(arguments: JournalMode.allCases)
  func oneThatDoesNotEndCostsNoSave(_ journal: JournalMode) async throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([[1]], "a")
    let other = try hold(repository, "IMMEDIATE")
    let report = try await onThread { try repository.save([[2]], "b") }
    #expect(report.warnings.contains { $0.contains("another program than Cairn keeps it locked") })
    try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
    try repository.expectSound(["a@1": [[1]], "b@1": [[2]]])
  }

  /// Off the threads that all tests share: it waits for half a minute.
  private func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: work)) }
    }
  }
}
