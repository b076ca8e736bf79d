import Cairn
import Foundation
import Testing

@testable import CairnC

/// A blob that a handle finds damaged after it was opened is set aside: the next save of the same bytes heals it.
@Suite struct DamageTests {
  enum Reading: CaseIterable { case map, copy, read, file }
  enum Opening: CaseIterable { case name, manifest }

  private func read(_ checkpoint: OpaquePointer, _ reading: Reading) throws {
    switch reading {
    case .map: _ = try regions(checkpoint, ["0"], copy: false)
    case .copy: _ = try regions(checkpoint, ["0"], copy: true)
    case .read:
      var buffer = [UInt8](repeating: 0, count: 10)
      try call { checkpointRead(checkpoint, "0", 5, 10, &buffer, 1, $0) }
    case .file:
      let file = try handle { checkpointFile(checkpoint, "a", $0, $1) }
      defer { fileClose(file) }
      var buffer = [UInt8](repeating: 0, count: Int(fileSize(file)))
      try call { fileRead(file, 0, UInt64(buffer.count), &buffer, $0) }
    }
  }

  @Test(arguments: Reading.allCases, Opening.allCases)
  func isHealedByTheNextSave(_ reading: Reading, _ opening: Opening) throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    let storage = bytes(65_536, seed: 5)
    let pickle = statePickle([("a", "0", storage.count)])
    let report = try save(repository, [storage], skeleton: pickle, #"{"path": "a"}"#)
    let path = scratch.path + "/.cairn"
    let blob = path + "/blobs/" + blobName(storage)
    let checkpoint =
      switch opening {
      case .name: try handle { checkpointOpen(repository, "a", $0, $1) }
      case .manifest:
        try handle {
          checkpointOpenManifest(path, report["repository"]?.text, report["manifest"]?.text, $0, $1)
        }
      }
    defer { checkpointClose(checkpoint) }
    // A handle outlives the repository that it was opened from.
    closeRepository(repository)
    var damaged = storage
    damaged[7] ^= 1
    // Of what is mapped only the length is looked at.
    if reading == .map { damaged.removeLast() }
    try Data(damaged).write(to: URL(fileURLWithPath: blob))

    #expect(try code { try read(checkpoint, reading) } == 4)
    #expect(!FileManager.default.fileExists(atPath: blob))
    #expect(FileManager.default.fileExists(atPath: blob + ".bad"))
    let again = try handle { openRepository(path, $0, $1) }
    defer { closeRepository(again) }
    #expect(try json { resolve(again, "a", $0, $1) }["state"] == "incomplete")
    try save(again, [storage], skeleton: pickle, #"{"path": "b"}"#)
    #expect(try Data(contentsOf: URL(fileURLWithPath: blob)) == Data(storage))
    try read(checkpoint, reading)
  }

  @Test func aRepositoryOfSomebodyElseIsNotOpenedForAPointer() throws {
    guard getuid() == 0 else { return }
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    let storage = bytes(65_536, seed: 6)
    let report = try save(
      repository, [storage], skeleton: statePickle([("a", "0", storage.count)]), #"{"path": "a"}"#)
    closeRepository(repository)
    let path = scratch.path + "/.cairn"
    let blob = path + "/blobs/" + blobName(storage)
    try Data(storage.reversed()).write(to: URL(fileURLWithPath: blob))
    #expect(chown(path, 12_345, 12_345) == 0)
    let checkpoint = try handle {
      checkpointOpenManifest(path, report["repository"]?.text, report["manifest"]?.text, $0, $1)
    }
    defer { checkpointClose(checkpoint) }
    #expect(try code { try read(checkpoint, .copy) } == 4)
    #expect(FileManager.default.fileExists(atPath: blob))
  }

  private func blobName(_ bytes: [UInt8]) -> String {
    let hex = bytes.withUnsafeBytes { Digest(hashing: $0) }.hex
    return "\(hex.prefix(2))/\(hex)"
  }
}
