import CairnCore
import CairnFormats

extension TensorCatalog {
  /// The tensors of a stored checkpoint. Only its manifest has been read.
  public init(_ record: CheckpointRecord, _ stored: StoredCheckpoint) {
    self.init(
      name: record.name, record: record, tensors: stored.manifest.tensors, properties: Self.properties(of: record),
      bytes: .stored(stored), swapped: Self.swapped(stored))
  }

  private static func properties(of record: CheckpointRecord) -> [String: JSONValue] {
    var all: [String: JSONValue] = [:]
    if let run = record.run { all["run"] = .string(run) }
    if let step = record.step { all["step"] = .int(Int64(step)) }
    if let epoch = record.epoch { all["epoch"] = .int(Int64(epoch)) }
    Flattening.add(.object(record.metrics.mapValues { JSONValue($0) }), at: "metrics", to: &all)
    Flattening.add(.object(record.metadata), at: "metadata", to: &all)
    Flattening.add(.object(record.extracted), at: "extracted", to: &all)
    return all
  }

  /// The storages of files that were written on a machine of the other byte order.
  private static func swapped(_ stored: StoredCheckpoint) -> Set<Int> {
    guard case .files(let files) = stored.manifest.content else { return [] }
    var found: Set<Int> = []
    for file in files where file.format == FileLayout.Format.pytorch.rawValue && saysBig(file, stored.manifest) {
      // A state may have a member of this name; the file itself knows.
      guard let isBig = try? isBigEndian(file, stored), isBig else { continue }
      for case .storage(let position) in file.segments { found.insert(position) }
    }
    return found
  }

  private static func saysBig(_ file: Manifest.File, _ manifest: Manifest) -> Bool {
    let big = JSONValue.string("big")
    return manifest.metadata["byteorder"] == big || manifest.metadata["files"]?[file.path]?["byteorder"] == big
  }

  private static func isBigEndian(_ file: Manifest.File, _ stored: StoredCheckpoint) throws -> Bool {
    let whole = RangeSource(whole: stored.source(file: file, verify: true), offset: 0, size: file.size)
    return try PyTorchContainer(whole)?.byteOrder == .big
  }
}
