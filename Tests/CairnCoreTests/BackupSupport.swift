import Foundation
import Testing

@testable import CairnCore

/// A repository, and a place for its backup beside it.
final class BackupPair: Sendable {
  let scratch: Scratch
  let source: Repository
  var backup: String { scratch.path + "/backup" }

  init(_ journal: JournalMode = .wal) throws {
    scratch = try Scratch()
    source = try scratch.repository(journal)
  }

  /// The backup, opened as whoever restores from it does.
  func opened() throws -> Repository { try Repository(opening: backup) }

  /// The files under the backup's `blobs/`.
  func files() -> Set<String> {
    Set((FileManager.default.subpaths(atPath: backup + "/blobs") ?? []).filter { $0.contains("/") })
  }

  /// The log of the backup, as text.
  func log() throws -> [UInt8] { try #require(try Files.contents(backup + "/log.jsonl")) }

  /// Runs a backup that can be disturbed.
  func run(
    _ options: BackupOptions = BackupOptions(), afterPlan: @escaping (Int) throws -> Void = { _ in },
    beforeLock: @escaping (Int) throws -> Void = { _ in }
  ) throws -> BackupReport {
    let run = try Backup(of: source, to: BackupDestination(backup, for: source), options)
    var (plans, locks) = (0, 0)
    run.afterPlan = { _ in
      plans += 1
      try afterPlan(plans)
    }
    run.beforeLock = {
      locks += 1
      try beforeLock(locks)
    }
    return try run.run()
  }
}

extension BackupOptions {
  static var copying: BackupOptions {
    var options = BackupOptions()
    options.method = .copy
    return options
  }
}

/// The ids of the checkpoints that a log says are there.
func liveCheckpoints(inLogOf directory: String) throws -> Set<String> {
  var live: Set<String> = []
  for line in try Log(readingOnly: directory).tail(from: Log.Position()).lines {
    if line.entry.op == .saved { live.insert(line.entry.id) }
    live.subtract(line.entry.removes ?? [])
  }
  return live
}

/// Changes one byte of a file in place, whatever its mode.
func flip(_ path: String, at offset: Int) throws {
  chmod(path, 0o644)
  let file = try OpenFile(path, O_RDWR)
  var byte: [UInt8] = [0]
  _ = try byte.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
  try file.write([byte[0] ^ 1], at: offset)
}
