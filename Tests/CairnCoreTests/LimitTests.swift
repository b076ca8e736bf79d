import Foundation
import Testing

@testable import CairnCore

/// What is refused before any work is done, and what must not use up what a process has little of.
@Suite struct LimitTests {
  @Test func metadataThatDoesNotFitIsRefusedBeforeAnythingIsWritten() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var request = SaveRequest(path: "a")
    request.metadata = ["note": .string(String(repeating: "x", count: 300_000))]
    #expect(failure { try repository.save(content([bytes(200_000, seed: 1)]), request) } == .invalid)
    #expect(scratch.blobFiles().isEmpty)
    request.metadata = [:]
    request.runMetadata = ["note": .string(String(repeating: "x", count: 300_000))]
    request.run = "r"
    #expect(failure { try repository.save(content([bytes(200_000, seed: 1)]), request) } == .invalid)
    #expect(scratch.blobFiles().isEmpty)
  }

  @Test func storagesThatNoDiskCouldHoldAreRefused() throws {
    struct Endless: ByteSource {
      let name = "endless"
      let size: Int
      func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {}
    }
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for sizes in [[1 << 62], [1 << 62, 1 << 62], [1 << 50]] {
      var huge = content([])
      huge.sources = sizes.map { Endless(size: $0) }
      #expect(failure { try repository.save(huge, SaveRequest(path: "a")) } == .invalid)
    }
  }

  @Test func tinyStoragesTakeNoMappingEach() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save((0..<2_000).map { bytes(16, seed: UInt64($0) + 1) }, "a")
    try repository.withCheckpoint(PathName(path: "a")) { _, stored in
      func mappings() throws -> Int { try Files.procFile("/proc/self/maps").split(separator: "\n").count }
      let before = try mappings()
      var regions = try stored.storages(Array(0..<2_000), .mapped)
      // Every second one: neighbours that remain would be one mapping otherwise.
      regions = regions.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      #expect(try mappings() - before < 500)
      #expect(Array(regions[1].bytes) == bytes(16, seed: 3))
    }
  }

  @Test(arguments: JournalMode.allCases)
  func anUncommittedWriteAheadLogIsNoReasonToMakeTheIndexAnew(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    try repository.save([bytes(100, seed: 1)], "a")
    // A header and a frame that commits nothing, as a death within a transaction leaves them.
    var log = [UInt8](repeating: 0, count: 32 + 24 + 4_096)
    log.replaceSubrange(8..<12, with: [0, 0, 16, 0])
    try Data(log).write(to: URL(fileURLWithPath: repository.indexPath + "-wal"))
    let index = try Files.status(repository.indexPath)?.identity
    #expect(try !WriteAheadLog.hasCommit(repository.indexPath + "-wal"))
    try repository.save([bytes(100, seed: 2)], "b")
    #expect(try Files.status(repository.indexPath)?.identity == index)
    log[32 + 7] = 9
    try Data(log).write(to: URL(fileURLWithPath: repository.indexPath + "-elsewhere"))
    #expect(try WriteAheadLog.hasCommit(repository.indexPath + "-elsewhere"))
  }
}
