import Cairn

// The members are those that the commands print with --json.

extension JSONValue {
  init(_ checkpoint: CheckpointReference) {
    self = [
      "id": .string(checkpoint.id), "name": .string(checkpoint.name), "path": .string(checkpoint.path),
      "version": JSONValue(checkpoint.version), "run": JSONValue(checkpoint.run), "step": JSONValue(checkpoint.step),
      "created": .string(checkpoint.created),
    ]
  }

  /// The tensors that `cairn find` finds by their names.
  init(_ found: TensorOccurrences) {
    self = ["tensors": .array(found.tensors.map { JSONValue($0) }), "cut_short": .bool(found.isCutShort)]
  }

  private init(_ tensor: TensorOccurrence) {
    self = [
      "name": .string(tensor.name), "dtype": .string(tensor.dtype), "shape": JSONValue(tensor.shape),
      "bytes": JSONValue(tensor.byteCount), "digest": JSONValue(tensor.digest?.hex),
      "checkpoints": JSONValue(tensor.checkpoints), "first": JSONValue(tensor.first), "last": JSONValue(tensor.last),
    ]
  }

  init(_ found: DigestOccurrence) {
    self = [
      "digest": .string(found.digest.hex), "kind": .string(found.kind.rawValue), "size": JSONValue(found.size),
      "pack": JSONValue(found.pack?.hex), "checkpoint_count": JSONValue(found.checkpointCount),
      "checkpoints": .array(found.checkpoints.map { JSONValue($0) }),
      "tensors": .array(found.tensors.tensors.map { JSONValue($0) }),
      "cut_short": .bool(found.tensors.isCutShort || found.checkpoints.count < found.checkpointCount),
    ]
  }

  init(_ found: ContentOccurrences, path: String) {
    let shares = found.shares.map { share -> JSONValue in
      [
        "checkpoint": JSONValue(share.checkpoint), "storages": JSONValue(share.storages),
        "tensors": JSONValue(share.tensors), "bytes": JSONValue(share.bytes),
      ]
    }
    let tensors = found.tensors.map { tensor -> JSONValue in
      ["name": .string(tensor.name), "checkpoints": JSONValue(tensor.checkpoints)]
    }
    self = [
      "path": .string(path), "storage_count": JSONValue(found.storageCount),
      "storage_bytes": JSONValue(found.storageBytes), "exact": .array(found.exact.map { JSONValue($0) }),
      "checkpoint_count": JSONValue(found.checkpointCount), "shares": .array(shares), "tensors": .array(tensors),
    ]
  }

  /// The tensors of a checkpoint as `cairn ls` lists them.
  init(_ checkpoint: CheckpointRecord, _ tensors: [ListedTensor]) {
    let list = tensors.map { tensor -> JSONValue in
      [
        "name": .string(tensor.name), "dtype": .string(tensor.dtype), "shape": JSONValue(tensor.shape),
        "strides": JSONValue(tensor.strides), "byte_offset": JSONValue(tensor.byteOffset),
        "bytes": JSONValue(tensor.byteCount), "other_checkpoints": JSONValue(tensor.otherCheckpoints),
        "first_seen": JSONValue(tensor.firstSeen),
      ]
    }
    self = ["id": .string(checkpoint.id), "name": .string(checkpoint.name), "tensors": .array(list)]
  }

  /// What has become of a tensor, as `cairn blame` lists it.
  init(_ changes: [TensorChange], of tensor: String, in path: String) {
    self = [
      "path": .string(path), "tensor": .string(tensor), "changes": .array(changes.map { JSONValue($0) }),
    ]
  }

  private init(_ change: TensorChange) {
    self = [
      "checkpoint": JSONValue(change.checkpoint), "change": .string(change.kind.rawValue),
      "other_bytes": .bool(change.hasOtherBytes), "dtype": .string(change.dtype), "shape": JSONValue(change.shape),
      "previous_dtype": JSONValue(change.previousDType),
      "previous_shape": change.previousShape.map { JSONValue($0) } ?? .null,
      "digest": JSONValue(change.digest?.hex), "versions": JSONValue(change.versions),
    ]
  }
}
