import Cairn
import Foundation
import Testing

/// Small and read-only filesystems; only root can make them.
@Suite(.serialized, .enabled(if: Mount.isPossible)) struct FilesystemTests {
  private func tensor(_ seed: UInt64, bytes: Int) throws -> Checkpoint {
    var random = SeededGenerator(seed: seed)
    let values = (0..<bytes / 8).map { _ in random.next() }
    return ["t": .tensor(try Tensor(values))]
  }

  @Test func aRestoreToAFullDiskLeavesNothing() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(tensor(1, bytes: 3 << 20), SaveRequest(path: "state"))
    let folder = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    _ = try repository.restore(PathName(path: "state"), to: folder + "/a.pt")
    _ = try repository.save(file: folder, SaveRequest(path: "directory"))
    _ = try repository.save(file: folder + "/a.pt", SaveRequest(path: "file"))
    let small = try Mount.small(scratch.path + "/small", bytes: 1 << 20)
    for path in ["state", "directory", "file"] {
      for format in [nil, .safetensors, .pytorch] as [ExportFormat?] {
        if path == "directory", format != nil { continue }
        var options = RestoreOptions()
        options.format = format
        do {
          _ = try repository.restore(PathName(path: path), to: small.path + "/out", options)
          Issue.record("\(path) was restored")
        } catch let error as CairnError {
          #expect(error.kind == .noSpace, "\(error)")
          #expect(error.message.contains(small.path))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: small.path) == [])
      }
    }
  }

  @Test func aSaveToAFullDiskLeavesTheRepositoryAsItWas() throws {
    let scratch = try Scratch()
    let small = try Mount.small(scratch.path + "/small", bytes: 8 << 20)
    let repository = try Repository.initialize(small.path + "/.cairn", chunkSize: 64 * 1024)
    _ = try repository.save(tensor(1, bytes: 1 << 20), SaveRequest(path: "first"))
    let blobs = Set(try repository.blobFiles().map(\.path))
    do {
      _ = try repository.save(tensor(2, bytes: 16 << 20), SaveRequest(path: "second"))
      Issue.record("it was saved")
    } catch let error as CairnError {
      #expect(error.kind == .noSpace, "\(error)")
      #expect(error.message.contains(small.path))
    }
    #expect(try repository.checkpoints().map(\.name) == ["first@1"])
    #expect(Set(try repository.blobFiles().map(\.path)) == blobs)
    #expect(try repository.temporaryFiles() == [])
    _ = try repository.save(tensor(3, bytes: 1 << 20), SaveRequest(path: "third"))
    #expect(try repository.load(PathName(path: "third")) == tensor(3, bytes: 1 << 20))
    try expectSound(repository)
  }

  /// Removing is how people make room.
  @Test func onAFullDiskCheckpointsAreLoadedRemovedAndTheirSpaceIsFree() throws {
    let scratch = try Scratch()
    let small = try Mount.small(scratch.path + "/small", bytes: 8 << 20)
    let repository = try Repository.initialize(small.path + "/.cairn", chunkSize: 64 * 1024)
    for step in 1...4 { _ = try repository.save(tensor(UInt64(step), bytes: 1 << 20), SaveRequest(path: "m\(step)")) }
    try small.fill(small.path + "/filler", leaving: 0)
    #expect(try repository.load(PathName(path: "m1")) == tensor(1, bytes: 1 << 20))
    // The line that says so fits into the last page of the log.
    let removal = try repository.remove(PathName(path: "m2"))
    #expect(removal.removed == ["m2@1"])
    #expect(removal.freed.bytes >= 1 << 20)
    #expect(try repository.checkpoints().map(\.name).sorted() == ["m1@1", "m3@1", "m4@1"])
    _ = try repository.collectGarbage()
    _ = try repository.save(tensor(5, bytes: 1 << 19), SaveRequest(path: "m5"))
    for step in [1, 3, 4] {
      #expect(try repository.load(PathName(path: "m\(step)")) == tensor(UInt64(step), bytes: 1 << 20))
    }
    try expectSound(repository)
  }

  /// What a writer that died has filled the disk with is freed, although the index cannot be written.
  @Test func onAFullDiskBlobsThatNothingNamesAreFreed() throws {
    let scratch = try Scratch()
    let small = try Mount.small(scratch.path + "/small", bytes: 8 << 20)
    let repository = try Repository.initialize(small.path + "/.cairn", chunkSize: 64 * 1024)
    _ = try repository.save(tensor(1, bytes: 1 << 20), SaveRequest(path: "m1"))
    let unnamed = repository.path + "/blobs/ab/ab" + String(repeating: "0", count: 62)
    try Data(count: 1 << 20).write(to: URL(filePath: unnamed))
    try small.fill(small.path + "/filler", leaving: 0)
    #expect(try repository.collectGarbage().freed.bytes >= 1 << 20)
    #expect(!FileManager.default.fileExists(atPath: unnamed))
    #expect(try repository.load(PathName(path: "m1")) == tensor(1, bytes: 1 << 20))
    try expectSound(repository)
  }

  /// The disk gets full at every place of a save in turn.
  @Test func howeverFullTheDiskASaveIsWholeOrNotAtAll() throws {
    let scratch = try Scratch()
    let small = try Mount.small(scratch.path + "/small", bytes: 8 << 20)
    let repository = try Repository.initialize(small.path + "/.cairn", chunkSize: 64 * 1024)
    let filler = small.path + "/filler"
    var saved: [String: Checkpoint] = [:]
    var failures = 0
    for step in 0..<24 {
      let state = try tensor(UInt64(step), bytes: 100_000)
      try small.fill(filler, leaving: step * 12 * 1024)
      do {
        _ = try repository.save(state, SaveRequest(path: "m\(step)"))
        saved["m\(step)"] = state
      } catch let error as CairnError {
        failures += 1
        #expect(error.kind == .noSpace || error.kind == .outcomeOpen, "\(error)")
      }
      unlink(filler)
      #expect(Set(try repository.checkpoints().map(\.path)) == Set(saved.keys), "after step \(step)")
    }
    #expect(failures > 3 && !saved.isEmpty)
    for (path, state) in saved { #expect(try repository.load(PathName(path: path)) == state) }
    _ = try repository.save(tensor(99, bytes: 1 << 20), SaveRequest(path: "after"))
    try expectSound(repository)
    // Removing works on a full disk: that is how one gets space again.
    try small.fill(filler, leaving: 8192)
    _ = try repository.remove(PathName(path: "after"))
    unlink(filler)
    #expect(try repository.find(PathName(path: "after")) == nil)
    try expectSound(repository)
  }

  private func expectSound(_ repository: Repository) throws {
    var options = VerifyOptions()
    options.readData = true
    #expect(try repository.verify(options).problems == [])
  }

  @Test(arguments: [false, true])
  func aReadOnlyRepositoryIsReadAndSavesSayWhyNot(_ isOpenElsewhere: Bool) throws {
    let scratch = try Scratch()
    let home = scratch.path + "/home"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    let state = try tensor(1, bytes: 1 << 20)
    do {
      let writer = try Repository.initialize(home + "/.cairn", chunkSize: 64 * 1024)
      _ = try writer.save(state, SaveRequest(path: "m"))
      _ = try writer.save(file: Fixtures.files("finetune")[0], SaveRequest(path: "file"))
      if !isOpenElsewhere { writer.close() }
      let mount = try Mount.readOnly(home, at: scratch.path + "/readonly")
      let repository = try Repository(opening: mount.path)
      #expect(!repository.isWritable)
      #expect(Set(try repository.checkpoints().map(\.path)) == ["m", "file"])
      for mode in [LoadMode.copied, .mapped] { #expect(try repository.load(PathName(path: "m"), mode) == state) }
      _ = try repository.restore(PathName(path: "file"), to: scratch.path + "/out")
      #expect(try contents(scratch.path + "/out") == contents(Fixtures.files("finetune")[0]))
      #expect(try repository.stats().checkpoints == 2)
      let attempts: [() throws -> Void] = [
        { _ = try repository.save(state, SaveRequest(path: "n")) },
        { _ = try repository.save(file: scratch.path + "/out", SaveRequest(path: "n")) },
        { _ = try repository.remove(PathName(path: "m")) },
        { _ = try repository.collectGarbage() },
        { _ = try CairnCheckpointIO(repository).saveCheckpoint(state, path: "n") },
        { _ = try Repository.initialize(mount.path + "/other") },
      ]
      for attempt in attempts {
        do {
          try attempt()
          Issue.record("it was written to")
        } catch let error as CairnError {
          #expect(error.kind == .readOnly, "\(error)")
          #expect(error.message.contains(mount.path))
        }
      }
      var options = VerifyOptions()
      options.readData = true
      #expect(try repository.verify(options).problems == [])
      _ = try writer.save(try tensor(2, bytes: 100), SaveRequest(path: "later"))
      #expect(try repository.find(PathName(path: "later")) != nil)
    }
  }
}

/// A filesystem that is there as long as this is.
final class Mount {
  let path: String

  static let isPossible: Bool = {
    guard getuid() == 0, let scratch = try? Scratch() else { return false }
    return (try? small(scratch.path + "/try", bytes: 1 << 20)) != nil
  }()

  static func small(_ path: String, bytes: Int) throws -> Mount {
    try Mount(path, [["-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", path]])
  }

  /// A filesystem that cannot reserve room for a file.
  static func withoutReserving(_ path: String) throws -> Mount { try Mount(path, [["-t", "ramfs", "ramfs", path]]) }

  static func readOnly(_ original: String, at path: String) throws -> Mount {
    try Mount(path, [["--bind", original, path], ["-o", "remount,ro,bind", path]])
  }

  private init(_ path: String, _ commands: [[String]]) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for command in commands { try Self.run("mount", command) }
  }

  deinit { try? Self.run("umount", ["-l", path]) }

  /// Makes a file that takes all space but `rest` bytes.
  func fill(_ file: String, leaving rest: Int) throws {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw Failed(command: "statvfs") }
    let free = Int(status.f_bavail) * Int(status.f_frsize)
    try Data(repeating: 1, count: max(0, free - rest)).write(to: URL(fileURLWithPath: file))
  }

  private struct Failed: Error { let command: String }

  private static func run(_ command: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command] + arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(command: command) }
  }
}
