import Cairn

@c(cairn_save_begin)
public func saveBegin(
  _ handle: OpaquePointer?, _ result: UnsafeMutablePointer<OpaquePointer?>?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    try Handle.give(SaveHandle(try Handle.object(handle, Repository.self)), result, "the save")
  }
}

@c(cairn_save_add_storage)
public func saveAddStorage(
  _ handle: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ bytes: UnsafeRawPointer?, _ length: UInt64,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let key = try text(key, "key")
    guard bytes != nil || length == 0 else { throw CairnError(.invalid, "storage \(key): its bytes are NULL") }
    let source = CallerMemory(base: bytes, size: try size(length, "storage \(key)"), key: Int(key) ?? 0)
    try Handle.object(handle, SaveHandle.self).add(key, source)
  }
}

@c(cairn_save_add_storages)
public func saveAddStorages(
  _ handle: OpaquePointer?, _ bytes: UnsafePointer<UnsafeRawPointer?>?, _ lengths: UnsafePointer<UInt64>?,
  _ count: UInt64, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let count = try size(count, "a list")
    if count == 0 { return }
    guard let bytes, let lengths else { throw CairnError(.invalid, "the storages, or their lengths, are NULL") }
    try Handle.object(handle, SaveHandle.self).add(count) { index, key in
      guard bytes[index] != nil || lengths[index] == 0 else {
        throw CairnError(.invalid, "storage \(key): its bytes are NULL")
      }
      return CallerMemory(base: bytes[index], size: try size(lengths[index], "a storage"), key: key)
    }
  }
}

@c(cairn_save_add_stream)
public func saveAddStream(
  _ handle: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ length: UInt64, _ read: ReadFunction?,
  _ context: UnsafeMutableRawPointer?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let key = try text(key, "key")
    guard let read else { throw CairnError(.invalid, "storage \(key): its reader is NULL") }
    let source = CallerStream(
      function: read, context: context, size: try size(length, "storage \(key)"), name: "storage \(key)")
    try Handle.object(handle, SaveHandle.self).add(key, source)
  }
}

@c(cairn_save_set_skeleton)
public func saveSetSkeleton(
  _ handle: OpaquePointer?, _ pickle: UnsafeRawPointer?, _ length: UInt64, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    guard let pickle else { throw CairnError(.invalid, "the skeleton is NULL") }
    let bytes = UnsafeRawBufferPointer(start: pickle, count: try size(length, "skeleton"))
    try Handle.object(handle, SaveHandle.self).setSkeleton(Array(bytes))
  }
}

@c(cairn_save_commit)
public func saveCommit(
  _ handle: OpaquePointer?, _ request: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let save = try Handle.object(handle, SaveHandle.self)
    var members = try Members(request, "request")
    let file = try members.string("saved_as")
    let wanted = try members.saveRequest()
    try members.end()
    try give(JSONValue(try save.commit(wanted, savedAs: file), in: save.repository), report)
  }
}

@c(cairn_save_cancel)
public func saveCancel(_ handle: OpaquePointer?) {
  guard let handle else { return }
  // Nothing here may take a lock or memory: it is called from signal handlers.
  Unmanaged<SaveHandle>.fromOpaque(UnsafeRawPointer(handle))._withUnsafeGuaranteedRef {
    $0.isCancelled.store(true, ordering: .relaxed)
  }
}

@c(cairn_save_abort)
public func saveAbort(_ handle: OpaquePointer?) { Handle.close(handle, SaveHandle.self) }

@c(cairn_save_file)
public func saveFile(
  _ handle: OpaquePointer?, _ file: UnsafePointer<CChar>?, _ request: UnsafePointer<CChar>?, _ report: StringResult?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(request, "request")
    let opaque = try members.bool("opaque") ?? false
    let wanted = try members.saveRequest()
    try members.end()
    let saved = try repository.save(file: text(file, "file"), wanted, opaque: opaque)
    try give(JSONValue(saved, in: repository), report)
  }
}
