import Cairn

@c(cairn_diff)
public func diff(
  _ handle: OpaquePointer?, _ old: UnsafePointer<CChar>?, _ new: UnsafePointer<CChar>?,
  _ options: UnsafePointer<CChar>?, _ cancellation: OpaquePointer?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    let sides = try [text(old, "a"), text(new, "b")]
    var members = try Members(options, "options")
    var wanted = DiffOptions()
    wanted.values = try members.bool("values") ?? false
    wanted.only = try members.string("only").map { Glob($0) }
    try members.end()
    wanted.isCancelled = try CancellationHandle.check(cancellation)
    let places = try TensorPlaces(sides, in: repository, isCancelled: wanted.isCancelled)
    let found = try places.withTensors { try CheckpointDiff.between($0[0], $0[1], wanted) }
    try give(JSONValue(found), result)
  }
}

@c(cairn_tensor_summary)
public func tensorSummary(
  _ handle: OpaquePointer?, _ checkpoint: UnsafePointer<CChar>?, _ tensor: UnsafePointer<CChar>?,
  _ options: UnsafePointer<CChar>?, _ cancellation: OpaquePointer?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    let (checkpoint, tensor) = try (text(checkpoint, "checkpoint"), text(tensor, "tensor"))
    var members = try Members(options, "options")
    let bins = try members.int("bins") ?? 16
    try members.end()
    guard (1...100_000).contains(bins) else { throw CairnError(.invalid, "options: \(bins) bins") }
    let isCancelled = try CancellationHandle.check(cancellation)
    let places = try TensorPlaces([checkpoint], in: repository, isCancelled: isCancelled)
    let summary = try places.withTensors { catalogs in
      let entry = try catalogs[0].tensor(tensor)
      return try catalogs[0].summary(of: entry, bins: bins, isCancelled: isCancelled)
    }
    try give(JSONValue(summary), result)
  }
}
