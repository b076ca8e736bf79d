import Cairn

@c(cairn_checkpoint_open)
public func checkpointOpen(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    let opened = try repository.withCheckpoint(PathName(parsing: text(name, "name"))) { record, stored in
      try CheckpointHandle(name: record.name, stored, .repository(repository))
    }
    try Handle.give(opened, result, "the checkpoint")
  }
}

@c(cairn_checkpoint_open_manifest)
public func checkpointOpenManifest(
  _ repository: UnsafePointer<CChar>?, _ id: UnsafePointer<CChar>?, _ manifest: UnsafePointer<CChar>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    guard let digest = Digest(hex: try text(manifest, "manifest")) else {
      throw CairnError(.invalid, "the manifest is not named by 64 hexadecimal digits in lower case")
    }
    let (path, id) = (PathName.absolute(try text(repository, "repository")), try text(id, "repository id"))
    let stored = try StoredCheckpoint(repository: path, id: id, manifest: digest)
    try Handle.give(
      try CheckpointHandle(name: stored.name, stored, .directory(path: path, id: id)), result, "the checkpoint")
  }
}

@c(cairn_checkpoint_close)
public func checkpointClose(_ handle: OpaquePointer?) { Handle.close(handle, CheckpointHandle.self) }

@c(cairn_checkpoint_info)
public func checkpointInfo(_ handle: OpaquePointer?, _ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) { try give(JSONValue(try Handle.object(handle, CheckpointHandle.self)), result) }
}

@c(cairn_checkpoint_skeleton)
public func checkpointSkeleton(
  _ handle: OpaquePointer?, _ bytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  _ length: UnsafeMutablePointer<UInt64>?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let skeleton = try Handle.object(handle, CheckpointHandle.self).reading { try $0.skeleton() }
    guard let bytes, let length else { throw CairnError(.invalid, "the skeleton: there is nowhere to put it") }
    bytes.pointee = try copied(skeleton)
    length.pointee = UInt64(skeleton.count)
  }
}

@c(cairn_checkpoint_map)
public func checkpointMap(
  _ handle: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let key = try text(key, "key")
    let loaded = try Handle.object(handle, CheckpointHandle.self).reading { try $0.regions([key], .mapped) }
    for (region, byteCount) in loaded { try Handle.give(RegionHandle(region, byteCount: byteCount), result, "it") }
  }
}

@c(cairn_checkpoint_keys)
public func checkpointKeys(_ handle: OpaquePointer?, _ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) {
    let storages = try Handle.object(handle, CheckpointHandle.self).keyed.storages
    try give(.array(storages.map { .string($0.key) }), result)
  }
}

@c(cairn_checkpoint_map_all)
public func checkpointMapAll(
  _ handle: OpaquePointer?, _ keys: UnsafePointer<UnsafePointer<CChar>?>?, _ count: UInt64, _ verifyAndCopy: Int32,
  _ places: UnsafeMutableRawPointer?, _ regions: UnsafeMutablePointer<OpaquePointer?>?,
  _ regionCount: UnsafeMutablePointer<UInt64>?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    regionCount?.pointee = 0
    let count = try size(count, "a list")
    if count == 0 { return }
    guard let keys, let places, let regions, let regionCount else {
      throw CairnError(.invalid, "the keys, or where to put places and regions, are NULL")
    }
    let names = try (0..<count).map { try text(keys[$0], "key") }
    let loaded = try Handle.object(handle, CheckpointHandle.self).reading {
      try $0.regions(names, verifyAndCopy != 0 ? .copied : .mapped)
    }
    let wholes = SharedRegions(loaded)
    for (index, place) in wholes.places.enumerated() {
      places.storeBytes(of: place, toByteOffset: index * MemoryLayout<RegionPlace>.stride, as: RegionPlace.self)
    }
    for (index, whole) in wholes.regions.enumerated() { try Handle.give(whole, regions + index, "a region") }
    regionCount.pointee = UInt64(wholes.regions.count)
  }
}

@c(cairn_checkpoint_read)
public func checkpointRead(
  _ handle: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ offset: UInt64, _ length: UInt64,
  _ buffer: UnsafeMutableRawPointer?, _ verify: Int32, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let key = try text(key, "key")
    guard buffer != nil || length == 0 else { throw CairnError(.invalid, "the buffer is NULL") }
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: try size(length, "a part of storage \(key)"))
    let offset = try size(offset, "an offset in storage \(key)")
    try Handle.object(handle, CheckpointHandle.self).reading {
      try $0.read(key, into: room, at: offset, verify: verify != 0)
    }
  }
}

@c(cairn_checkpoint_file)
public func checkpointFile(
  _ handle: OpaquePointer?, _ archiveName: UnsafePointer<CChar>?, _ result: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let checkpoint = try Handle.object(handle, CheckpointHandle.self)
    let name = try text(archiveName, "archive name")
    let source = try checkpoint.reading { try $0.stored.exportedFile(archiveName: name) }
    try Handle.give(FileHandle(source, of: checkpoint), result, "the file")
  }
}

@c(cairn_file_size)
public func fileSize(_ handle: OpaquePointer?) -> UInt64 {
  (try? Handle.object(handle, FileHandle.self)).map { UInt64($0.source.size) } ?? 0
}

@c(cairn_file_read)
public func fileRead(
  _ handle: OpaquePointer?, _ offset: UInt64, _ length: UInt64, _ buffer: UnsafeMutableRawPointer?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    guard buffer != nil || length == 0 else { throw CairnError(.invalid, "the buffer is NULL") }
    let file = try Handle.object(handle, FileHandle.self)
    let source = file.source
    let (start, count) = (try size(offset, "an offset in a file"), try size(length, "a part of a file"))
    guard start <= source.size, count <= source.size - start else {
      throw CairnError(.invalid, "\(source.name): a read beyond its end")
    }
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: count)
    try file.checkpoint.reading { _ in try source.read(into: room, at: start) }
  }
}

@c(cairn_file_close)
public func fileClose(_ handle: OpaquePointer?) { Handle.close(handle, FileHandle.self) }

@c(cairn_region_bytes)
public func regionBytes(_ handle: OpaquePointer?) -> UnsafeMutableRawPointer? {
  try? Handle.object(handle, RegionHandle.self).region.baseAddress
}

@c(cairn_region_length)
public func regionLength(_ handle: OpaquePointer?) -> UInt64 {
  (try? Handle.object(handle, RegionHandle.self)).map { UInt64($0.byteCount) } ?? 0
}

@c(cairn_region_close)
public func regionClose(_ handle: OpaquePointer?) { Handle.close(handle, RegionHandle.self) }
