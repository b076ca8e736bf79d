import Foundation
import GRDB
import Glibc
import Testing

@testable import CairnCore

/// Reproducible random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Repository {
  /// Rows whose count is not the number of rows one level up.
  func wrongCounts() throws -> [String] { try read { try Recount($0).wrong } }

  /// What every row of the listing says, in an order of its own.
  func listing() throws -> [CheckpointRecord] { try checkpoints().sorted { $0.id < $1.id } }

  /// The names of all checkpoints, sorted.
  func names() throws -> [String] { try checkpoints().map(\.name).sorted() }

  /// Fails the test unless everything is there, read and counted, and the checkpoints hold just this.
  func expectSound(_ holds: [String: [[UInt8]]], sourceLocation: SourceLocation = #_sourceLocation) throws {
    var options = VerifyOptions()
    options.readData = true
    let report = try verify(options)
    #expect(report.problems == [], sourceLocation: sourceLocation)
    #expect(try wrongCounts() == [], sourceLocation: sourceLocation)
    #expect(try names() == holds.keys.sorted(), sourceLocation: sourceLocation)
    #expect(try checkpoints().allSatisfy { $0.state == .whole }, sourceLocation: sourceLocation)
    for (name, storages) in holds {
      let loaded = try load(name)
      #expect(loaded == storages, "\(name)", sourceLocation: sourceLocation)
    }
  }
}

/// The kind of the error that `body` throws; nil if it throws none.
func failure<Result>(_ body: () throws -> Result) -> CairnError.Kind? {
  do {
    _ = try body()
    return nil
  } catch let error as CairnError {
    return error.kind
  } catch {
    Issue.record("not a CairnError: \(error)")
    return nil
  }
}

/// The message of the error that `body` throws; empty if it throws none.
func message<Result>(_ body: () throws -> Result) -> String {
  do {
    _ = try body()
    return ""
  } catch {
    return "\(error)"
  }
}

/// The files of an index as they are at some time, to be put back later.
struct IndexCopy {
  let files: [String: Data]

  static let endings = ["", "-wal", "-shm", "-journal"]

  init(_ repository: Repository) throws {
    var files: [String: Data] = [:]
    for ending in Self.endings {
      let path = repository.indexPath + ending
      if FileManager.default.fileExists(atPath: path) { files[ending] = try Data(contentsOf: URL(filePath: path)) }
    }
    self.files = files
  }

  enum How: CaseIterable {
    /// All files of the copy as new files; those it has not are unlinked.
    case whole
    /// The main file as a new file, the others unlinked.
    case mainAlone
    /// The main file as a new file; the others stay as they are.
    case mainBesideNewerWAL
    /// The bytes of the main file over the old ones; the others stay as they are.
    case mainInPlace
    /// The main file's bytes over the old ones, the others unlinked.
    case mainInPlaceAlone
  }

  func putBack(_ repository: Repository, _ how: How) throws {
    let path = repository.indexPath
    let isInPlace = how == .mainInPlace || how == .mainInPlaceAlone
    for ending in Self.endings {
      if ending.isEmpty ? !isInPlace : how != .mainBesideNewerWAL && how != .mainInPlace {
        unlink(path + ending)
      }
      guard let bytes = files[ending], ending.isEmpty || how == .whole else { continue }
      let file = try OpenFile(path + ending, O_WRONLY | O_CREAT | (isInPlace ? O_TRUNC : 0), mode: 0o644)
      try file.write([UInt8](bytes), at: 0)
    }
  }

  /// Unlinks the index.
  static func delete(_ repository: Repository) {
    for ending in endings { unlink(repository.indexPath + ending) }
  }
}

/// A pack read back from a file of these bytes.
struct ReadPack {
  let bytes: [UInt8]
  let table: PackTable

  var entries: [PackTable.Entry] { table.entries }

  init(reading bytes: [UInt8]) throws {
    let scratch = try Scratch()
    let file = try OpenFile(scratch.path + "/pack", O_RDWR | O_CREAT)
    try file.write(bytes, at: 0)
    self.bytes = bytes
    table = try PackTable(try StoredFile(file))
  }

  func content(_ entry: PackTable.Entry) -> ArraySlice<UInt8> { bytes[entry.offset..<entry.offset + entry.length] }
}
