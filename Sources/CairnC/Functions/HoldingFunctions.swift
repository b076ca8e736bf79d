import Cairn

@c(cairn_holdings)
public func holdings(
  _ handle: OpaquePointer?, _ options: UnsafePointer<CChar>?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(options, "options")
    let by = try members.string("by") ?? "path"
    let names = try members.strings("names") ?? []
    let depth = try members.int("depth")
    try members.end()
    if by == "tensor-prefix" {
      guard names.isEmpty else { throw CairnError(.invalid, "options: names do not go with by tensor-prefix") }
      guard depth ?? 1 >= 1 else { throw CairnError(.invalid, "options: depth must be at least 1") }
      let holdings = try repository.holdings(byTensorPrefix: depth ?? 1)
      return try give(["prefixes": .array(holdings.map { JSONValue($0) })], result)
    }
    guard depth == nil else { throw CairnError(.invalid, "options: depth goes with by tensor-prefix") }
    guard let key = HoldingKey(rawValue: by) else {
      throw CairnError(.invalid, "options: by \(by)", advice: "run, path, version or tensor-prefix")
    }
    let wanted = try names.map { try repository.meant(by: $0) }
    try give(JSONValue(try repository.holdings(by: key, of: wanted), by: key), result)
  }
}

@c(cairn_growth)
public func growth(
  _ handle: OpaquePointer?, _ stretches: UInt32, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    let growth = try Handle.object(handle, Repository.self).growth(stretches: Int(min(stretches, 100_000)))
    try give(JSONValue(growth), result)
  }
}
