import Cairn

// The members are those that the commands print with --json.

extension JSONValue {
  init(_ report: TagReport) {
    self = [
      "tag": .string(report.tag), "id": JSONValue(report.checkpoint?.id), "name": JSONValue(report.checkpoint?.name),
      "previous": JSONValue(report.previous?.name), "warnings": JSONValue(report.warnings),
    ]
  }

  /// A tag and what it points to.
  init(tag: String, _ record: CheckpointRecord) {
    self = [
      "tag": .string(tag), "id": .string(record.id), "name": .string(record.name), "path": .string(record.path),
      "version": JSONValue(record.version), "run": JSONValue(record.run), "step": JSONValue(record.step),
      "epoch": JSONValue(record.epoch), "metrics": .object(record.metrics.mapValues { JSONValue($0) }),
      "created": .string(record.created), "size": JSONValue(record.size),
    ]
  }

  init(_ report: MoveReport) {
    let moved = report.moved.map { moved -> JSONValue in
      ["id": .string(moved.id), "from": .string(moved.from.description), "to": .string(moved.to.description)]
    }
    self = ["moved": .array(moved), "warnings": JSONValue(report.warnings)]
  }

  init(_ report: AnnotationReport) {
    self = ["checkpoint": JSONValue(report.checkpoint), "warnings": JSONValue(report.warnings)]
  }

  /// What pruning has done, or would do.
  init(
    dryRun: Bool, _ groups: [PruneGroup], freed: Freed, unlinked: [String], warnings: [String]
  ) {
    let all = groups.flatMap { group in group.decisions.map { (group: group, decision: $0) } }
    func items(_ isKept: Bool) -> JSONValue {
      .array(all.filter { $0.decision.isKept == isKept }.map { JSONValue($0.decision, in: $0.group) })
    }
    self = [
      "dry_run": .bool(dryRun), "kept": items(true), "removed": items(false), "freed_files": JSONValue(freed.files),
      "freed_bytes": JSONValue(freed.bytes), "unlinked": JSONValue(unlinked), "warnings": JSONValue(warnings),
    ]
  }

  private init(_ decision: PruneGroup.Decision, in group: PruneGroup) {
    let checkpoint = decision.checkpoint
    self = [
      "id": .string(checkpoint.id), "name": .string(checkpoint.name), "path": .string(checkpoint.path),
      "version": JSONValue(checkpoint.version), "run": JSONValue(checkpoint.run), "step": JSONValue(checkpoint.step),
      "created": .string(checkpoint.created), "size": JSONValue(checkpoint.size), "tags": JSONValue(checkpoint.tags),
      "group": .string(group.title),
      "rules": decision.isKept ? JSONValue(decision.rules.map(\.description)) : .null,
    ]
  }
}
