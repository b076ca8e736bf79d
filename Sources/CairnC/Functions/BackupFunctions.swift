import Cairn

@c(cairn_backup)
public func backup(
  _ handle: OpaquePointer?, _ directory: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
  _ cancellation: OpaquePointer?, _ report: StringResult?, _ error: StringResult?
) -> Int32 {
  attempt(error) {
    report?.pointee = nil
    let repository = try Handle.object(handle, Repository.self)
    var members = try Members(options, "options")
    var wanted = BackupOptions()
    wanted.method = try members.bool("copy") ?? false ? .copy : .link
    wanted.force = try members.bool("force") ?? false
    wanted.dryRun = try members.bool("dry_run") ?? false
    try members.end()
    wanted.isCancelled = try CancellationHandle.check(cancellation)
    let done = try repository.backup(to: text(directory, "directory"), wanted)
    try give(JSONValue(done, dryRun: wanted.dryRun), report)
  }
}

extension JSONValue {
  fileprivate init(_ report: BackupReport, dryRun: Bool) {
    var members: [String: JSONValue] = [
      "path": .string(report.path), "checkpoints": JSONValue(report.checkpoints),
      "log_bytes": JSONValue(report.logBytes), "dry_run": .bool(dryRun),
      "files": JSONValue(report.total.files), "bytes": JSONValue(report.total.bytes),
      "warnings": JSONValue(report.warnings),
      "problems": .array(
        report.problems.map { problem in
          [
            "what": .string(problem.path), "problem": .string(problem.problem),
            "checkpoints": JSONValue(problem.checkpoints),
          ]
        }),
    ]
    let parts: [(String, BackupReport.Amount)] = [
      ("new", report.new), ("reused", report.reused), ("linked", report.linked), ("cloned", report.cloned),
      ("copied", report.copied), ("removed", report.removed),
    ]
    for (name, part) in parts {
      members[name + "_files"] = JSONValue(part.files)
      members[name + "_bytes"] = JSONValue(part.bytes)
    }
    self = .object(members)
  }
}
