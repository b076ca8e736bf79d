import Foundation
import Glibc
import Testing

@testable import Cairn
@testable import CairnCore

/// Restores of blobs that are larger than what is read at once.
@Suite struct PieceByPieceTests {
  let scratch: Scratch
  let repository: Repository
  /// Three pieces, the last of them no whole number of pages.
  let content: [UInt8]
  var out: String { scratch.path + "/out" }

  init() throws {
    scratch = try Scratch()
    repository = try scratch.repository(chunkSize: 16 << 20)
    var random = SeededGenerator(seed: 3)
    content = (0..<(5 << 20) / 16 + 9).flatMap { _ in withUnsafeBytes(of: random.next(), Array.init) }
    try Data(content).write(to: URL(fileURLWithPath: scratch.path + "/file"))
    _ = try repository.save(file: scratch.path + "/file", SaveRequest(path: "m"))
  }

  private var blob: String { repository.blobs.path(Digest(hashing: content), .raw) }

  private func harmLastByte() throws {
    try #require(chmod(blob, 0o644) == 0)
    let file = try OpenFile(blob, O_WRONLY)
    try file.write([content[content.count - 1] ^ 1], at: content.count - 1)
  }

  private func restore(overwrite: Bool = false) throws {
    var options = RestoreOptions()
    options.overwrite = overwrite
    _ = try repository.restore(PathName(path: "m"), to: out, options)
  }

  @Test func everyPieceArrives() throws {
    try restore()
    #expect(try contents(out) == Data(content))
  }

  @Test func aLargeBlobBesideNothingIsRestoredToo() throws {
    try repository.withCheckpoint(PathName(path: "m")) { _, stored in
      guard case .files(let files) = stored.manifest.content, var file = files.first else {
        Issue.record("it is no file")
        return
      }
      // As no save of ours makes it, but a manifest can say it.
      file.segments = [.inline([])] + file.segments + [.inline([])]
      try FileRestorer(stored: stored, progress: nil).restore(file, to: out, done: 0, total: file.size)
    }
    #expect(try contents(out) == Data(content))
  }

  @Test func theLastByteIsCheckedToo() throws {
    try harmLastByte()
    do {
      try restore()
      Issue.record("it was restored")
    } catch let error as CairnError {
      #expect(error.kind == .damaged && error.message.contains(blob), "\(error)")
    }
    #expect(Set(try FileManager.default.contentsOfDirectory(atPath: scratch.path)) == [".cairn", "file"])
  }

  @Test func whereOneCopyIsDamagedAnotherServes() throws {
    // As compaction will: nothing writes such blobs yet.
    let digest = Digest(hashing: content)
    try OpenFile(repository.blobs.path(digest, .zstd), O_WRONLY | O_CREAT, mode: 0o444)
      .write(try Zstd.compress(content), at: 0)
    try harmLastByte()
    try restore()
    #expect(try contents(out) == Data(content))
  }

  @Test(arguments: [0, 1000, 3 << 20, 8 << 20])
  func whatIsReplacedStaysWholeForWhoHasItOpen(size: Int) throws {
    let old = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 / 1000) })
    try old.write(to: URL(fileURLWithPath: out))
    let reader = try FileHandle(forReadingFrom: URL(fileURLWithPath: out))
    let writer = try FileHandle(forUpdating: URL(fileURLWithPath: out))
    // Not on the disk yet.
    try writer.write(contentsOf: Data([7]))
    try restore(overwrite: true)
    #expect(try contents(out) == Data(content))
    #expect(try reader.readToEnd() ?? Data() == [7] + old.dropFirst())
  }

  @Test func aRestoreThatFailsLeavesWhatWasThere() throws {
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: out))
    try harmLastByte()
    #expect(throws: CairnError.self) { try restore(overwrite: true) }
    #expect(try contents(out) == Data([1, 2, 3]))
  }
}
