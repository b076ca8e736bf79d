import Cairn

extension JSONValue {
  init(_ text: String?) { self = text.map { .string($0) } ?? .null }
  init(_ number: Int?) { self = number.map { .int(Int64($0)) } ?? .null }
  init(_ texts: [String]) { self = .array(texts.map { .string($0) }) }

  /// A checkpoint as the index has it.
  init(_ record: CheckpointRecord) { self = .object(Self.members(record)) }

  /// A checkpoint, and how many of its bytes its parent has too, if that is known.
  init(_ record: CheckpointRecord, shared: Int?) {
    self = .object(Self.members(record).merging(["shared_bytes": JSONValue(shared)]) { $1 })
  }

  private static func members(_ record: CheckpointRecord) -> [String: JSONValue] {
    [
      "id": .string(record.id), "name": .string(record.name), "path": .string(record.path),
      "version": JSONValue(record.version), "manifest": .string(record.manifest.hex), "kind": .string(record.kind),
      "state": .string(record.state.rawValue), "run": JSONValue(record.run), "parent": JSONValue(record.parent),
      "step": JSONValue(record.step), "epoch": JSONValue(record.epoch),
      "metrics": .object(record.metrics.mapValues { JSONValue($0) }), "tags": JSONValue(record.tags),
      "metadata": .object(record.metadata), "extracted": .object(record.extracted),
      "created": .string(record.created), "host": .string(record.host), "user": .string(record.user),
      "size": JSONValue(record.size), "new_bytes": JSONValue(record.newBytes),
      "tensor_count": JSONValue(record.tensorCount), "pointer": .bool(record.pointer),
    ]
  }

  /// What a save in `repository` has done.
  init(_ report: SaveReport, in repository: Repository) {
    self = [
      "id": .string(report.id), "path": .string(report.path), "version": JSONValue(report.version),
      "manifest": .string(report.manifest.hex), "size": JSONValue(report.size),
      "new_bytes": JSONValue(report.newBytes), "warnings": JSONValue(report.warnings),
      "repository": .string(repository.configuration.id),
    ]
  }

  init(_ removal: Repository.Removal) {
    self = [
      "removed": JSONValue(removal.removed), "freed_bytes": JSONValue(removal.freed.bytes),
      "warnings": JSONValue(removal.warnings),
    ]
  }

  init(_ report: GarbageReport) {
    self = [
      "freed_bytes": JSONValue(report.freed.bytes), "freed_files": JSONValue(report.freed.files),
      "repacked_packs": JSONValue(report.repackedPacks),
      "temporary_directories": JSONValue(report.temporaryDirectories), "warnings": JSONValue(report.warnings),
    ]
  }

  init(_ report: VerifyReport) {
    let problems = report.problems.map { problem -> JSONValue in
      let hurts = problem.hurts.map { hurt -> JSONValue in
        ["checkpoint": .string(hurt.checkpoint), "tensors": JSONValue(hurt.tensors)]
      }
      return ["what": .string(problem.what), "problem": .string(problem.problem), "hurts": .array(hurts)]
    }
    self = [
      "checkpoints": JSONValue(report.checkpoints), "blobs": JSONValue(report.blobs),
      "bytes_read": JSONValue(report.bytesRead), "problems": .array(problems),
      "repaired": JSONValue(report.repaired),
    ]
  }

  init(_ report: RestoreReport) {
    self = [
      "checkpoint": .string(report.checkpoint), "path": .string(report.path), "bytes": JSONValue(report.bytes),
      "digest": JSONValue(report.digest?.hex), "left_out": JSONValue(report.leftOut),
      "warnings": JSONValue(report.warnings),
    ]
  }

  init(_ stats: RepositoryStats, _ verifications: [VerificationTime]) {
    self = [
      "checkpoints": JSONValue(stats.checkpoints), "runs": JSONValue(stats.runs), "tensors": JSONValue(stats.tensors),
      "blobs": JSONValue(stats.blobs), "logical_bytes": JSONValue(stats.logicalBytes),
      "stored_bytes": JSONValue(stats.storedBytes), "index_bytes": JSONValue(stats.indexBytes),
      "unreferenced_bytes": JSONValue(stats.unreferencedBytes), "incomplete": JSONValue(stats.incomplete),
      "dedup_ratio": JSONValue(
        stats.storedBytes > 0 ? Double(stats.logicalBytes) / Double(stats.storedBytes) : nil as Double?),
      "verified": .array(
        verifications.map {
          ["kind": .string($0.kind), "finished": .string($0.finished), "problems": JSONValue($0.problems)]
        }),
    ]
  }

  init(_ removal: CheckpointRemoval) {
    self = [
      "id": .string(removal.id), "name": .string(removal.name), "time": .string(removal.time),
      "user": .string(removal.user), "host": .string(removal.host),
    ]
  }
}
