import Cairn
import Foundation
import Testing

@testable import CairnC

@Suite struct QueryingTests {
  /// Two versions of `a` in a run, and a tag.
  private func filled(_ scratch: Scratch) throws -> OpaquePointer {
    let repository = try newRepository(scratch)
    for step in 1...2 {
      try save(
        repository, [bytes(100_000, seed: 1), bytes(4_000, seed: UInt64(step))],
        skeleton: statePickle([("backbone", "0", 100_000), ("head", "1", 4_000)]),
        #"{"path": "a", "run": "r", "step": \#(step), "metrics": {"loss": \#(1.0 / Double(step))}}"#)
    }
    _ = try json { CairnC.tag(repository, "first", "a@1", $0, $1) }
    return repository
  }

  @Test func checkpointsAreFoundByExpressions() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    func names(_ query: String) throws -> [String] {
      try json { CairnC.log(repository, query, $0, $1) }.items.map { $0["name"]?.text ?? "" }
    }
    #expect(try names(#"{"where": "loss < 0.6"}"#) == ["a@2"])
    #expect(try names(#"{"sort": "-loss"}"#) == ["a@1", "a@2"])
    #expect(try names(#"{"paths": ["a@1", "b"]}"#) == ["a@1"])
    let shared = try json { CairnC.log(repository, #"{"shared": true}"#, $0, $1) }.items.map { $0["shared_bytes"] }
    #expect(shared == [100_000, .null])
    for query in [#"{"where": "loss <"}"#, #"{"where": "colour = 1"}"#, #"{"limit": -1}"#, #"{"sort": ""}"#] {
      #expect(try code { _ = try names(query) } == 8, "\(query)")
    }
    do {
      _ = try names(#"{"where": "loss << 1"}"#)
      Issue.record("that is no expression")
    } catch let failure as Failure {
      #expect(failure.error["offset"] == 6)
    }
    let run = try json { CairnC.runs(repository, nil, $0, $1) }.items.first
    #expect(run?["metrics"]?["loss"] == ["last": 0.5, "min": 0.5, "max": 1])
  }

  @Test func valuesGoThroughSQLAsTheyAre() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    func rows(_ sql: String, _ options: String? = nil) throws -> JSONValue {
      try json { CairnC.query(repository, sql, options, nil, $0, $1) }
    }
    let found = try rows(
      "SELECT checkpoint, step, NULL, 0.5, 9e999, x'00ff', 'ä\"\\\u{1}' FROM checkpoints WHERE step = 2")
    #expect(found["columns"]?.items.prefix(2) == ["checkpoint", "step"])
    #expect(
      found["rows"] == [["a@2", 2, .null, 0.5, ["real": "Infinity"], ["blob": "00ff"], "ä\"\\\u{1}"]])
    let arguments =
      #"{"arguments": [null, 9223372036854775807, {"real": "2.0"}, {"real": "-Infinity"}, {"real": "NaN"}, {"blob": "0aFf"}, "x"]}"#
    #expect(
      try rows("SELECT ?, ?, typeof(?), ?, ?, ?, ?", arguments)["rows"] == [
        [.null, .int(.max), "real", ["real": "-Infinity"], .null, ["blob": "0aff"], "x"]
      ])
    #expect(try rows("SELECT 1 AS a, 2 AS a WHERE 0") == ["columns": ["a", "a"], "rows": []])
    for options in [
      #"{"arguments": [[1]]}"#, #"{"arguments": [{"blob": "0"}]}"#, #"{"arguments": [{"blob": "0g"}]}"#,
      #"{"arguments": [{"real": "x"}]}"#, #"{"arguments": [{}]}"#, #"{"arguments": 1}"#, #"{"arguments": []}"#,
      #"{"seconds": -1}"#, #"{"second": 1}"#,
    ] {
      #expect(try code { _ = try rows("SELECT ?", options) } == 8, "\(options)")
    }
    #expect(try json { CairnC.views($0, $1) }.items.map { $0["name"]?.text } == QueryView.all.map(\.name))
  }

  @Test func aQueryOnlyReadsAndEnds() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT "
    func query(_ sql: String, _ options: String? = nil, _ cancellation: OpaquePointer? = nil) throws -> Int32 {
      try code { _ = try json { CairnC.query(repository, sql, options, cancellation, $0, $1) } }
    }
    for sql in ["DELETE FROM tag", "ATTACH 'x' AS y", "SELECT", "SELECT 1; SELECT 2"] {
      #expect(try query(sql) == 8, "\(sql)")
    }
    #expect(try query(endless + "max(x) FROM c", #"{"seconds": 0.05}"#) == 102)
    #expect(try query(endless + "x FROM c", #"{"result_bytes": 10000}"#) == 102)
    let cancellation = try handle { cancellationNew($0, $1) }
    defer { cancellationFree(cancellation) }
    #expect(try query("SELECT count(*) FROM checkpoints", nil, cancellation) == 0)
    cancellationCancel(cancellation)
    #expect(try query(endless + "max(x) FROM c", #"{"seconds": 0}"#, cancellation) == 102)
    #expect(try json { CairnC.tags(repository, $0, $1) }.items.count == 1)
    cancellationCancel(nil)
    cancellationFree(nil)
  }

  @Test func tensorsAreCompared() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    func diff(_ a: String, _ b: String, _ options: String? = nil, _ stop: OpaquePointer? = nil) throws -> JSONValue {
      try json { CairnC.diff(repository, a, b, options, stop, $0, $1) }
    }
    let found = try diff("first", "a")
    #expect(found["a"] == "a@1")
    #expect(found["unchanged"] == 1)
    #expect(found["tensors"]?.items.map { $0["name"] } == ["head"])
    #expect(found["tensors"]?.items.first?["values"] == .null)
    #expect(found["metadata"]?.items.map { $0["name"] } == ["step", "metrics.loss"])
    let values = try diff("a@1", "a@2", #"{"values": true, "only": "he*"}"#)
    #expect(values["metadata"] == [])
    #expect((values["tensors"]?.items.first?["values"]?["changed"]?.intValue ?? 0) > 3_000)
    #expect(try diff("a@1", "a@1")["different"] == false)
    // The file of the same content, and what is not there.
    let file = scratch.path + "/a.pt"
    _ = try json { restore(repository, "a@1", file, nil, $0, $1) }
    #expect(try diff(file, "a@1", #"{"values": true}"#)["tensors"] == [])
    #expect(try code { _ = try diff("a", "nowhere") } == 6)
    #expect(try code { _ = try diff("a", scratch.path) } == 6)

    let cancellation = try handle { cancellationNew($0, $1) }
    defer { cancellationFree(cancellation) }
    cancellationCancel(cancellation)
    #expect(try code { _ = try diff("a@1", "a@2", #"{"values": true}"#, cancellation) } == 102)
    #expect(try code { _ = try diff(file, "a@2", nil, cancellation) } == 102)
    #expect(
      try code { _ = try json { tensorSummary(repository, "a", "head", nil, cancellation, $0, $1) } } == 102)
    let summary = try json { tensorSummary(repository, "a", "he*", #"{"bins": 4}"#, nil, $0, $1) }
    #expect(summary["count"]?.intValue == 4_000)
    #expect(summary["histogram"]?.items.count == 4)
    #expect(try code { _ = try json { tensorSummary(repository, "a", "x", nil, nil, $0, $1) } } == 6)
    #expect(try code { _ = try json { tensorSummary(repository, "a", "head", #"{"bins": 0}"#, nil, $0, $1) } } == 8)
  }

  @Test func whereSomethingOccursIsFound() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    func find(_ what: String, _ options: String? = nil, _ stop: OpaquePointer? = nil) throws -> JSONValue {
      try json { CairnC.find(repository, what, options, stop, $0, $1) }
    }
    let backbone = try #require(try find("back*")["tensors"]?.items.first)
    #expect(backbone["checkpoints"] == 2)
    #expect(backbone["first"]?["name"] == "a@1")
    #expect(try find("head", #"{"limit": 1}"#)["cut_short"] == true)
    #expect(try find("nothing") == ["tensors": [], "cut_short": false])
    let log = try json { CairnC.log(repository, #"{"paths": ["a@1"]}"#, $0, $1) }
    let manifest = log.items.first?["manifest"]?.text ?? ""
    #expect(try find(String(manifest.prefix(8)))["digest"]?["kind"] == "manifest")
    #expect(try find(String(repeating: "0", count: 64), #"{"kind": "digest"}"#) == ["digest": .null])
    let file = scratch.path + "/a.pt"
    _ = try json { restore(repository, "a@1", file, nil, $0, $1) }
    let found = try find(file)["file"]
    #expect(found?["checkpoint_count"] == 2)
    #expect(found?["shares"]?.items.first?["checkpoint"]?["name"] == "a@1")
    #expect(try code { _ = try find("nothing", #"{"kind": "file"}"#) } != 0)
    for options in [#"{"kind": "colour"}"#, #"{"limit": 0}"#] {
      #expect(try code { _ = try find("a", options) } == 8, "\(options)")
    }
    let cancellation = try handle { cancellationNew($0, $1) }
    defer { cancellationFree(cancellation) }
    cancellationCancel(cancellation)
    #expect(try code { _ = try find(file, nil, cancellation) } == 102)

    let list = try json { listTensors(repository, "a", #"{"only": "b*"}"#, $0, $1) }
    #expect(list["tensors"]?.items.map { $0["other_checkpoints"] } == [1])
    let changes = try json { CairnC.blame(repository, "a", "head", $0, $1) }["changes"]?.items ?? []
    #expect(changes.map { $0["change"] } == ["changed", "added"])
    #expect(try code { _ = try json { CairnC.blame(repository, "a", "x", $0, $1) } } == 6)
  }

  @Test func namesAndMetadataChange() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    #expect(try json { CairnC.tag(repository, "first", "a@2", $0, $1) }["previous"] == "a@1")
    let moved = try json { CairnC.move(repository, "a", "b", $0, $1) }
    #expect(moved["moved"]?.items.map { $0["to"] } == ["b@1", "b@2"])
    let annotated = try json {
      CairnC.annotate(repository, "b", #"{"metrics": {"acc": 1}, "metadata": {"k": [1]}, "unset": ["loss"]}"#, $0, $1)
    }
    #expect(annotated["checkpoint"]?["metrics"] == ["acc": 1])
    #expect(annotated["checkpoint"]?["metadata"] == ["k": [1]])
    #expect(try code { _ = try json { CairnC.annotate(repository, "b", nil, $0, $1) } } == 8)
    #expect(try json { CairnC.untag(repository, "first", $0, $1) }["previous"] == "b@2")
    #expect(try json { CairnC.tags(repository, $0, $1) } == [])
    #expect(try code { _ = try json { CairnC.untag(repository, "first", $0, $1) } } == 6)
  }

  @Test func pruningDoesWhatItPlanned() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    _ = try json { CairnC.untag(repository, "first", $0, $1) }
    func prune(_ policy: String) throws -> JSONValue { try json { CairnC.prune(repository, policy, $0, $1) } }
    for policy in [
      "{}", #"{"keep_last": 0}"#, #"{"keep_best": [":"]}"#, #"{"keep_within": "soon"}"#, #"{"group_by": "x"}"#,
      #"{"keep_tagged": true}"#, #"{"keep_last": 1, "run": "nobody"}"#,
    ] {
      #expect(try code { _ = try prune(policy) } != 0, "\(policy)")
    }
    let plan = try prune(#"{"keep_last": 1, "dry_run": true}"#)
    #expect(plan["removed"]?.items.map { $0["name"] } == ["a@1"])
    #expect(plan["removed"]?.items.first?["rules"] == .null)
    #expect(plan["kept"]?.items.first?["rules"] == ["last"])
    let held = try json { holdings(repository, #"{"by": "version", "names": ["a@1"]}"#, $0, $1) }
    #expect(held["total"]?["freed_bytes"] == plan["freed_bytes"])
    let done = try prune(#"{"keep_last": 1}"#)
    #expect(done["removed"] == plan["removed"])
    #expect(done["freed_bytes"] == plan["freed_bytes"])
    #expect(try json { CairnC.removals(repository, nil, $0, $1) }.items.map { $0["name"] } == ["a@1"])
  }

  @Test func bytesAreAddedUp() throws {
    let scratch = try Scratch()
    let repository = try filled(scratch)
    defer { closeRepository(repository) }
    func holdings(_ options: String?) throws -> JSONValue {
      try json { CairnC.holdings(repository, options, $0, $1) }
    }
    #expect(try holdings(nil)["paths"]?.items.map { $0["checkpoints"] } == [2])
    #expect(try holdings(#"{"by": "run"}"#)["runs"]?.items.map { $0["name"] } == ["r"])
    let prefixes = try holdings(#"{"by": "tensor-prefix"}"#)["prefixes"]?.items ?? []
    #expect(prefixes.first?["prefix"] == "backbone")
    #expect(prefixes.first?["logical_bytes"] == 200_000)
    for options in [#"{"by": "colour"}"#, #"{"depth": 1}"#, #"{"by": "tensor-prefix", "depth": 0}"#] {
      #expect(try code { _ = try holdings(options) } == 8, "\(options)")
    }
    #expect(try code { _ = try holdings(#"{"names": ["nowhere"]}"#) } == 6)
    let growth = try json { CairnC.growth(repository, 10, $0, $1) }
    #expect(growth["points"]?.items.last?["checkpoints"] == 2)
    #expect(try json { CairnC.stats(repository, $0, $1) }["dedup_ratio"] != .null)
  }
}
