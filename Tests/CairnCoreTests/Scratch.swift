import Foundation
import Testing

@testable import CairnCore

/// A directory of a test's own, removed when the last reference to it goes.
final class Scratch: Sendable {
  let path: String

  init() throws {
    // In memory where there is such a place: hundreds of repositories, each of hundreds of fsyncs.
    let asked = ProcessInfo.processInfo.environment["CAIRN_TEST_DIRECTORY"]
    let memory = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : nil
    let place = asked ?? memory ?? FileManager.default.temporaryDirectory.path
    path = place + "/cairn-test-" + randomID(bytes: 6)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// A new repository in it, with small chunks so that small data has many.
  func repository(_ journal: JournalMode = .wal, chunkSize: Int = 64 * 1024) throws -> Repository {
    try Repository.initialize(path + "/.cairn", chunkSize: chunkSize, journal: journal)
  }

  /// All files under `blobs/` that a checkpoint may need.
  func blobFiles() -> Set<String> {
    let all = FileManager.default.subpaths(atPath: path + "/.cairn/blobs") ?? []
    return Set(all.filter { $0.contains("/") })
  }
}

/// A content of these storages, each a tensor of its own.
func content(_ storages: [[UInt8]], metadata: [String: JSONValue] = [:]) -> CheckpointContent {
  CheckpointContent(
    content: .state(skeleton: .inline(Array("skeleton".utf8))),
    tensors: storages.indices.map {
      TensorEntry(name: "t\($0)", dtype: "uint8", shape: [storages[$0].count], strides: [1], byteOffset: 0, storage: $0)
    },
    metadata: metadata, sources: storages.map { BytesSource($0, name: "memory") })
}

/// Bytes that a seed gives, different for different seeds.
func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}

extension Repository {
  @discardableResult
  func save(_ storages: [[UInt8]], _ path: String, keep: Int? = nil) throws -> SaveReport {
    var request = SaveRequest(path: path)
    request.keepVersions = keep
    return try save(content(storages), request)
  }

  /// What a checkpoint's storages hold, checked.
  func load(_ name: String, mapped: Bool = false) throws -> [[UInt8]] {
    try withCheckpoint(PathName(parsing: name)) { _, stored in
      let all = Array(stored.manifest.storages.indices)
      return try stored.storages(all, mapped ? .mapped : .copied(verify: true)).map { Array($0.bytes) }
    }
  }
}
