import Foundation
import Glibc
import Testing

@testable import CairnCore

/// A small repository with a file of each kind, kept in memory byte for byte so that it can be put back as it was.
final class Specimen {
  let scratch: Scratch
  /// The storages of each checkpoint by its name. `a` and `b` share; `c` shares nothing.
  let holds: [String: [[UInt8]]]
  let listing: [CheckpointRecord]
  let id: String
  private(set) var files: [String: [UInt8]] = [:]
  private var directories: Set<String> = []

  var path: String { scratch.path + "/.cairn" }

  init(_ journal: JournalMode) throws {
    scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let raw = bytes(4_097, seed: 1)
    // Many bytes of content, few of the file.
    let compressed = (0..<6_000).map { UInt8(truncatingIfNeeded: $0 / 500) }
    let small = [bytes(20, seed: 2), bytes(30, seed: 3)]
    holds = [
      "a@1": [raw, small[0], compressed], "a@2": [raw, small[1], small[0]], "b@1": [small[0], compressed],
      "c@1": [bytes(4_100, seed: 4), bytes(10, seed: 5)],
    ]
    for (number, name) in holds.keys.sorted().enumerated() {
      var request = SaveRequest(path: String(name.prefix(1)))
      request.run = number < 2 ? "the run" : nil
      request.step = number
      request.metrics = ["loss": 0.5 + Double(number)]
      request.tags = number == 1 ? ["best"] : []
      request.metadata = ["note": .string("number \(number)")]
      _ = try repository.save(content(try #require(holds[name])), request)
    }
    try repository.save([bytes(50, seed: 6)], "gone")
    _ = try repository.remove(PathName(path: "gone"))
    // As compaction will: nothing writes such blobs yet.
    let digest = Digest(hashing: compressed)
    let zstd = try Zstd.compress(compressed)
    try OpenFile(repository.blobs.path(digest, .zstd), O_WRONLY | O_CREAT, mode: 0o444).write(zstd, at: 0)
    try Files.unlink(repository.blobs.path(digest, .raw))
    try repository.reindex()
    try repository.expectSound(holds)
    listing = try repository.listing()
    id = repository.configuration.id
    repository.close()
    (files, directories) = try Self.contents(path)
  }

  private static func contents(_ path: String) throws -> ([String: [UInt8]], Set<String>) {
    var files: [String: [UInt8]] = [:]
    var directories: Set<String> = []
    func add(_ prefix: String) throws {
      for name in try Files.names(in: path + "/" + prefix) {
        let inner = prefix + name
        if try #require(try Files.linkStatus(path + "/" + inner)).isDirectory {
          directories.insert(inner)
          try add(inner + "/")
        } else {
          files[inner] = try Files.contents(path + "/" + inner)
        }
      }
    }
    try add("")
    return (files, directories)
  }

  /// Makes everything as it was. Nobody may have it open.
  func putBack() throws {
    let (now, nowDirectories) = try Self.contents(path)
    for (name, content) in now where files[name] != content { try Files.unlink(path + "/" + name) }
    for name in nowDirectories.subtracting(directories).sorted(by: >) { rmdir(path + "/" + name) }
    for (name, content) in files where now[name] != content { try put(name, content) }
  }

  /// Puts a file with this content where there is none.
  func put(_ name: String, _ content: [UInt8]) throws {
    let file = path + "/" + name
    try Files.unlink(file)
    let mode: mode_t = name.hasPrefix("blobs/") ? 0o444 : 0o644
    try OpenFile(file, O_WRONLY | O_CREAT | O_EXCL, mode: mode).write(content, at: 0)
  }

  /// What each file under `blobs/` hurts when it is gone: checkpoints with their tensors.
  func hurts() throws -> [String: Set<VerifyReport.Hurt>] {
    var hurts: [String: [String: Set<String>]] = [:]
    let store = BlobStore(repository: path, readsDirectories: false)
    for record in listing {
      let manifest = try ManifestFile(blobs: store).read(record.manifest).manifest
      func add(_ path: String, _ tensors: [String]) {
        hurts[String(path.dropFirst(self.path.utf8.count + 1)), default: [:]][record.name, default: []]
          .formUnion(tensors)
      }
      add(store.path(record.manifest, .zstd), [])
      for tensor in manifest.tensors {
        for chunk in manifest.storages[tensor.storage].chunks.map({ manifest.chunks[$0] }) {
          for encoding in [BlobStore.Encoding.raw, .zstd] { add(store.path(chunk.digest, encoding), [tensor.name]) }
          if let pack = chunk.pack { add(store.path(manifest.packs[pack], .pack), [tensor.name]) }
        }
      }
    }
    return hurts.mapValues { Set($0.map { .init(checkpoint: $0.key, tensors: $0.value.sorted()) }) }
  }
}
