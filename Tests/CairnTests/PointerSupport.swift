import Cairn
import Foundation
import Testing

extension Scratch {
  /// A repository with its own list of known ones, and what it takes to find it.
  var discovery: RepositoryDiscovery {
    RepositoryDiscovery(environment: ["HOME": path + "/home"])
  }

  func make(_ directory: String) throws {
    try FileManager.default.createDirectory(atPath: path + "/" + directory, withIntermediateDirectories: true)
  }
}

extension Repository {
  /// Saves a state as the plugin does, and writes its pointer.
  @discardableResult
  func saveWithPointer(_ file: String, seed: Int = 1, run: String? = nil) throws -> Pointer {
    let report = try saveState(name(forPointer: file), seed: seed, run: run, pointer: true)
    let pointer = Pointer(
      repository: configuration.id, place: path, checkpoint: report.id, manifest: report.manifest,
      name: "\(report.path)@\(report.version)", run: run, locations: ["cpu"])
    try pointer.write(to: file, overwrite: true)
    return pointer
  }

  /// Saves a state of one tensor.
  func saveState(_ path: String, seed: Int = 1, run: String? = nil, pointer: Bool = false) throws -> SaveReport {
    let storage = TensorStorage((0..<5_000).map { UInt8(truncatingIfNeeded: ($0 &* seed) >> 3) })
    let tensor = try Tensor(dtype: .uint8, shape: [5_000], storage: storage)
    var request = SaveRequest(path: path)
    request.run = run
    request.pointer = pointer
    return try save(["weight": .tensor(tensor)] as Checkpoint, request)
  }
}

/// A container with this pickle and nothing else.
func container(_ pickle: [UInt8]) throws -> [UInt8] {
  final class Collected { var bytes: [UInt8] = [] }
  let collected = Collected()
  try PyTorchContainerWriter().write(pickle: pickle, storages: []) { collected.bytes.append(contentsOf: $0) }
  return collected.bytes
}

func writeFile(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
