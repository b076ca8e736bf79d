import Cairn
import Foundation

/// A directory of a test's own, removed when the last reference to it goes.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = Self.parent + "/cairn-test-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// In memory where there is room: what these tests are about does not hang on a disk, and its fsyncs take minutes.
  private static let parent: String = {
    var status = statvfs()
    let memory = "/dev/shm"
    guard statvfs(memory, &status) == 0, Int(status.f_bavail) * Int(status.f_frsize) > 1 << 30,
      access(memory, W_OK) == 0
    else { return FileManager.default.temporaryDirectory.path }
    return memory
  }()

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func repository(chunkSize: Int = 64 * 1024) throws -> Repository {
    try Repository.initialize(path + "/.cairn", chunkSize: chunkSize)
  }
}

/// The files under Tests/Fixtures.
enum Fixtures {
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

  static func files(_ subdirectory: String, endings: [String] = [".pt", ".ckpt", ".safetensors"]) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/" + subdirectory)) ?? []
    return names.filter { name in endings.contains { name.hasSuffix($0) } }.sorted().map {
      "\(directory)/\(subdirectory)/\($0)"
    }
  }
}

func contents(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

extension Repository {
  /// The files under `blobs/`.
  func blobFiles() throws -> [(path: String, size: Int)] {
    let root = path + "/blobs"
    return try FileManager.default.subpathsOfDirectory(atPath: root).compactMap { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: root + "/" + name)
      guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
      return (root + "/" + name, attributes[.size] as? Int ?? 0)
    }
  }

  /// What writers have left in `tmp/`.
  func temporaryFiles() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path + "/tmp") }
}

/// Cuts a file off, whatever its mode.
func cut(_ path: String, to size: Int) throws {
  try contents(path).prefix(size).write(to: URL(fileURLWithPath: path))
}
