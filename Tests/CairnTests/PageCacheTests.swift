import Foundation
import Glibc
import Testing

@testable import Cairn
@testable import CairnCore

/// What a save leaves in the page cache: as much as it found there.
///
/// In the working directory, which most often lies on a disk: in memory there is nothing to go past.
@Suite struct PageCacheTests {
  static let place = FileManager.default.currentDirectoryPath + "/.build"
  static let size = 1 << 20

  static func isCached(_ path: String) throws -> Bool? {
    let file = try OpenFile(path, O_RDONLY)
    return withExtendedLifetime(file) { PageCache.holds(file.descriptor, at: 0, count: size) }
  }

  @Test(
    .enabled(if: Filesystem.suitsUncachedFiles(place)),
    arguments: [("small", true), ("large", true), ("large", false)])
  func aFilesBlobsAreThereIfTheFileIs(_ kind: String, _ isCached: Bool) throws {
    let directory = "\(Self.place)/cairn-cache-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let repository = try Repository.initialize(directory + "/.cairn", chunkSize: Self.size)
    let path = directory + "/model.pt"
    // Small tensors lie in packs.
    let count = kind == "small" ? 1000 : 1
    let tensors = try (0..<count).map { number in
      Checkpoint.tensor(try Tensor([Int64](repeating: Int64(number), count: 2 * Self.size / count / 8)))
    }
    let state: Checkpoint = ["tensors": .list(tensors)]
    _ = try repository.save(state, SaveRequest(path: "state"))
    _ = try repository.restore(PathName(path: "state"), to: path)
    _ = try repository.remove(PathName(path: "state"))
    if !isCached {
      let file = try OpenFile(path, O_RDONLY)
      withExtendedLifetime(file) { _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED) }
    }
    try #require(try Self.isCached(path) == isCached)
    _ = try repository.save(file: path, SaveRequest(path: "file"))
    let blobs = try repository.blobFiles().filter { $0.size >= Self.size / 2 }
    #expect(blobs.count > 0)
    for blob in blobs { #expect(try Self.isCached(blob.path) == isCached) }
  }
}
