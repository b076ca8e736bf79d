import Cairn
import Glibc

@c(cairn_find)
public func find(
  _ handle: OpaquePointer?, _ what: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
  _ cancellation: OpaquePointer?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    let what = try text(what, "what")
    var members = try Members(options, "options")
    let kind = try members.string("kind")
    let limit = try members.count("limit") ?? 100
    try members.end()
    guard kind.map({ ["name", "digest", "file"].contains($0) }) ?? true else {
      throw CairnError(.invalid, "options: kind \(kind ?? "")", advice: "name, digest or file")
    }
    guard limit > 0 else { throw CairnError(.invalid, "options: limit must be at least 1") }
    let isThere = kind == nil && access(what, F_OK) == 0
    if kind == "file" || isThere {
      let found =
        try repository.pointed(by: what).map { ContentOccurrences(exact: [CheckpointReference($0.record)]) }
        ?? repository.occurrences(
          ofFile: what, limit: limit, isCancelled: try CancellationHandle.check(cancellation))
      return try give(["file": JSONValue(found, path: what)], result)
    }
    if kind == "digest" || kind == nil && looksLikeDigest(what) {
      let found = try repository.occurrence(ofDigest: what, limit: limit)
      if found != nil || kind == "digest" {
        return try give(["digest": found.map { JSONValue($0) } ?? .null], result)
      }
    }
    try give(JSONValue(try repository.occurrences(ofTensors: Glob(what), limit: limit)), result)
  }
}

private func looksLikeDigest(_ text: String) -> Bool {
  (Repository.fewestDigits...64).contains(text.utf8.count) && text.allSatisfy { $0.isASCII && $0.isHexDigit }
}

@c(cairn_list_tensors)
public func listTensors(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ result: StringResult?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    let name = PathName(parsing: try text(name, "name"))
    var members = try Members(options, "options")
    let only = try members.string("only").map { Glob($0) }
    try members.end()
    let (checkpoint, tensors) = try repository.tensors(of: name, matching: only)
    try give(JSONValue(checkpoint, tensors), result)
  }
}

@c(cairn_blame)
public func blame(
  _ handle: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ tensor: UnsafePointer<CChar>?, _ result: StringResult?,
  _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    let name = try repository.meant(by: text(name, "name"))
    let tensor = try text(tensor, "tensor")
    let changes = try repository.changes(ofTensor: tensor, in: name)
    guard !changes.isEmpty else {
      throw CairnError(
        .notFound, "\(tensor): no version of \(name) has a tensor of this name",
        advice: "`cairn ls \(name)` lists what it has")
    }
    try give(JSONValue(changes, of: tensor, in: name.path), result)
  }
}
