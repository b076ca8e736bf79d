import Cairn

extension JSONValue {
  /// What is in a checkpoint that is open.
  init(_ handle: CheckpointHandle) throws {
    let keyed = handle.keyed
    let manifest = keyed.stored.manifest
    let locations = try handle.reading { try $0.locations() }
    let keys = keyed.keysByPosition
    let storages = keyed.storages.map { storage -> JSONValue in
      [
        "key": .string(storage.key), "bytes": JSONValue(storage.byteCount),
        "location": JSONValue(locations[storage.key]),
      ]
    }
    let tensors = manifest.tensors.map { tensor -> JSONValue in
      [
        "name": .string(tensor.name), "dtype": .string(tensor.dtype),
        "shape": .array(tensor.shape.map { JSONValue($0) }), "strides": .array(tensor.strides.map { JSONValue($0) }),
        "byte_offset": JSONValue(tensor.byteOffset), "storage": JSONValue(keys[tensor.storage]),
      ]
    }
    self = [
      "name": .string(handle.name), "kind": .string(manifest.kind), "manifest": .string(keyed.stored.digest.hex),
      "storages": .array(storages), "tensors": .array(tensors), "metadata": .object(manifest.metadata),
    ]
  }
}
