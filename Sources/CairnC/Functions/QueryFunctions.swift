import Cairn

@c(cairn_resolve)
public func resolve(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    try give(JSONValue(try repository.checkpoint(PathName(parsing: text(name, "name")))), result)
  }
}

@c(cairn_find_id)
public func findID(
  _ handle: OpaquePointer?, _ id: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let record = try Handle.object(handle, Repository.self).checkpoint(id: text(id, "id"))
    try give(record.map { JSONValue($0) } ?? .null, result)
  }
}

@c(cairn_log)
public func log(
  _ handle: OpaquePointer?, _ query: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(query, "query")
    let (paths, run) = (try members.strings("paths") ?? [], try members.string("run"))
    let wantsShared = try members.bool("shared") ?? false
    var wanted = CheckpointQuery()
    wanted.names = paths.map { PathName(parsing: $0) }
    wanted.run = run
    wanted.tag = try members.string("tag")
    wanted.filter = try members.string("where")
    wanted.order = try members.string("sort").map { try CheckpointOrder(parsing: $0) }
    wanted.limit = try members.count("limit")
    try members.end()
    let records = try repository.checkpoints(wanted)
    guard wantsShared else { return try give(.array(records.map { JSONValue($0) }), result) }
    let shared = try repository.bytesSharedWithParent(records)
    try give(.array(records.map { JSONValue($0, shared: shared[$0.id]) }), result)
  }
}

@c(cairn_runs)
public func runs(
  _ handle: OpaquePointer?, _ query: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(query, "query")
    let limit = try members.count("limit")
    try members.end()
    try give(.array(try repository.runs(limit: limit).map { JSONValue($0) }), result)
  }
}

@c(cairn_removals)
public func removals(
  _ handle: OpaquePointer?, _ query: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(query, "query")
    let (paths, limit) = (try members.strings("paths") ?? [], try members.count("limit"))
    try members.end()
    try give(.array(try repository.removals(paths: paths, limit: limit).map { JSONValue($0) }), result)
  }
}

@c(cairn_stats)
public func stats(_ handle: OpaquePointer?, _ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    try give(JSONValue(try repository.stats(), try repository.verifications()), result)
  }
}

@c(cairn_removal)
public func removal(
  _ handle: OpaquePointer?, _ id: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let found = try Handle.object(handle, Repository.self).removal(ofID: text(id, "id"))
    try give(found.map { JSONValue($0) } ?? .null, result)
  }
}
