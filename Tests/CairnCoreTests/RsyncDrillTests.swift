import Foundation
import Glibc
import Synchronization
import Testing

@testable import CairnCore

/// Copies made by `rsync` while others save, remove and collect garbage, its files in any order.
///
/// Such a copy is of no single moment: its log may be longer or shorter than what lies in `blobs/`. What has to hold:
/// nothing in it is wrong without being said so, nothing is lost by using it, and another `rsync` of the repository at
/// rest makes it whole.
@Suite struct RsyncDrillTests {
  private static let rsync = "/usr/bin/rsync"

  private func rsync(_ arguments: [String], in directory: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: Self.rsync)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: directory)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    // 23 and 24: files vanished while they were copied; an unquoted pattern that matches nothing.
    #expect([0, 23, 24].contains(process.terminationStatus))
  }

  /// Copies the repository part by part, in an order of the generator's.
  private func copy(_ pair: BackupPair, _ random: inout SeededGenerator) throws {
    let digits = "0123456789abcdef"
    var parts = ["./cairn.json", "./lock", "./log.jsonl"].map { [$0] }
    for heads in ["0123", "4567", "89ab", "cdef"] {
      parts.append(heads.flatMap { head in digits.map { "./blobs/\(head)\($0)" } })
    }
    for part in parts.shuffled(using: &random) { try rsync(["-aR"] + part + [pair.backup], in: pair.source.path) }
  }

  /// Looks at a copy of no single moment: what is in it is right, or is named.
  private func expectHonest(_ copy: Repository) throws {
    var options = VerifyOptions()
    options.readData = true
    let report = try copy.verify(options)
    let hurt = Set(report.problems.flatMap { $0.hurts.map(\.checkpoint) })
    #expect(report.problems.allSatisfy { !$0.hurts.isEmpty }, "\(report.problems)")
    let records = try copy.checkpoints()
    #expect(try Set(records.map(\.id)) == liveCheckpoints(inLogOf: copy.path))
    for record in records {
      #expect((record.state == .whole) == !hurt.contains(record.name), "\(record.name): \(record.state)")
      if record.state == .whole {
        #expect(try copy.load(record.name) == DrillContent.storages(record.path), "\(record.name)")
      } else {
        #expect(failure { try copy.load(record.name) } == .missing, "\(record.name)")
      }
    }
    #expect(try copy.wrongCounts() == [])
  }

  @Test(arguments: JournalMode.allCases, 0..<2)
  func copiesByRsyncAreWholeOrSayWhatIsMissing(_ journal: JournalMode, _ seed: Int) throws {
    guard FileManager.default.isExecutableFile(atPath: Self.rsync) else { return }
    let pair = try BackupPair(journal)
    try Files.makeDirectory(pair.backup)
    let isOver = Atomic(false)
    let incomplete = Tally()
    try onThreads(3) { thread in
      if thread > 0 { return try DrillContent.churn(pair.scratch.path, seed: UInt64(100 * seed + thread), isOver) }
      defer { isOver.store(true, ordering: .relaxed) }
      var random = SeededGenerator(seed: UInt64(seed))
      usleep(200_000)
      for _ in 0..<3 {
        try self.copy(pair, &random)
        let copy = try pair.opened()
        try expectHonest(copy)
        _ = incomplete.add(try copy.checkpoints().count { $0.state != .whole })
        copy.close()
      }
    }
    #expect(incomplete.add(0) > 0, "nothing was disturbed")
    // At rest, and once more.
    var random = SeededGenerator(seed: 1)
    try copy(pair, &random)
    let copy = try pair.opened()
    try copy.expectWholeDrillCopy()
    #expect(try copy.listing() == pair.source.listing())
    _ = try copy.collectGarbage()
    try copy.expectWholeDrillCopy()
    // What came and was removed since has gone from the copy too.
    #expect(pair.files().count <= pair.scratch.blobFiles().count)
  }
}
