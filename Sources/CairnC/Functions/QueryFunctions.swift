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
    let (tag, limit) = (try members.string("tag"), try members.int("limit"))
    try members.end()
    let records = try repository.checkpoints(paths: paths, run: run, tag: tag, limit: limit)
    try give(.array(records.map { JSONValue($0) }), result)
  }
}

@c(cairn_stats)
public func stats(_ handle: OpaquePointer?, _ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) { try give(JSONValue(try Handle.object(handle, Repository.self).stats()), result) }
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
