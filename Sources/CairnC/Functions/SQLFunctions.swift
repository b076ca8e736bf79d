import Cairn

@c(cairn_query)
public func query(
  _ handle: OpaquePointer?, _ sql: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
  _ cancellation: OpaquePointer?, _ result: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    result?.pointee = nil
    let repository = try Handle.object(handle, Repository.self)
    let sql = try text(sql, "sql")
    var members = try Members(options, "options")
    let arguments = try members.values("arguments") ?? []
    var limits = QueryLimits()
    if let seconds = try members.number("seconds") {
      guard seconds >= 0 else { throw CairnError(.invalid, "options: seconds is \(seconds)", advice: "0: no limit") }
      limits.seconds = seconds > 0 ? seconds : nil
    }
    var rows = QueryRows(limit: try members.int("result_bytes") ?? 256 << 20)
    try members.end()
    try repository.query(
      sql, arguments: arguments, limits: limits, isCancelled: try CancellationHandle.check(cancellation),
      columns: { try rows.begin($0) }, row: { try rows.add($0) })
    if let result { result.pointee = try copied(rows.finished()).assumingMemoryBound(to: CChar.self) }
  }
}

@c(cairn_views)
public func views(_ result: StringResult?, _ error: StringResult?) -> Int32 {
  attempt(error) {
    let views = QueryView.all.map { view -> JSONValue in
      let columns = view.columns.map { column -> JSONValue in
        ["name": .string(column.name), "description": .string(column.description)]
      }
      return [
        "name": .string(view.name), "description": .string(view.description), "columns": .array(columns),
      ]
    }
    try give(.array(views), result)
  }
}
