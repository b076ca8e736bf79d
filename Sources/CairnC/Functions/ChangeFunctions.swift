import Cairn

@c(cairn_remove)
public func remove(
  _ handle: OpaquePointer?, _ names: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let names = try Members.strings(names, "names").map { PathName(parsing: $0) }
    try give(JSONValue(try Handle.object(handle, Repository.self).remove(names)), report)
  }
}

@c(cairn_remove_ids)
public func removeIDs(
  _ handle: OpaquePointer?, _ ids: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let ids = try Members.strings(ids, "ids")
    try give(JSONValue(try Handle.object(handle, Repository.self).remove(ids: ids)), report)
  }
}

@c(cairn_remove_untagged_ids)
public func removeUntaggedIDs(
  _ handle: OpaquePointer?, _ ids: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let ids = try Members.strings(ids, "ids")
    try give(
      JSONValue(try Handle.object(handle, Repository.self).remove(ids: ids, keepingTagged: true)), report)
  }
}

@c(cairn_restore)
public func restore(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ destination: UnsafePointer<CChar>?,
  _ options: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(options, "options")
    var wanted = RestoreOptions()
    wanted.format = try members.string("format").map { name in
      guard let format = ExportFormat(rawValue: name) else {
        throw CairnError(
          .invalid, "options: there is no format \(name)",
          advice: ExportFormat.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return format
    }
    wanted.overwrite = try members.bool("overwrite") ?? false
    wanted.computesDigest = try members.bool("digest") ?? false
    try members.end()
    let done = try repository.restore(
      PathName(parsing: text(name, "name")), to: text(destination, "destination"), wanted)
    try give(JSONValue(done), report)
  }
}

@c(cairn_copy)
public func copy(
  _ handle: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ request: UnsafePointer<CChar>?, _ report: StringResult?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(request, "request")
    let wanted = try members.saveRequest()
    try members.end()
    let copied = try repository.copy(PathName(parsing: text(source, "source")), wanted)
    try give(JSONValue(copied, in: repository), report)
  }
}

@c(cairn_collect_garbage)
public func collectGarbage(
  _ handle: OpaquePointer?, _ force: Int32, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    try give(JSONValue(try Handle.object(handle, Repository.self).collectGarbage(force: force != 0)), report)
  }
}

@c(cairn_verify)
public func verify(
  _ handle: OpaquePointer?, _ options: UnsafePointer<CChar>?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    var members = try Members(options, "options")
    var wanted = VerifyOptions()
    wanted.readData = try members.bool("read_data") ?? false
    wanted.repair = try members.bool("repair") ?? false
    let (part, count) = (try members.int("part"), try members.int("parts"))
    if part != nil || count != nil { wanted.subset = (part ?? 1, count ?? 1) }
    let files = try members.strings("repair_from") ?? []
    if !files.isEmpty { wanted.repair = true }
    try members.end()
    try give(JSONValue(try Handle.object(handle, Repository.self).verify(wanted, repairingFrom: files)), report)
  }
}
