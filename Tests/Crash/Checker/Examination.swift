import Cairn
import Foundation

/// One look at a repository.
struct Examination {
  private let request: Request
  private let warnings = Warnings()

  init(_ request: Request) { self.request = request }

  func run() -> Answer {
    var answer = Answer()
    do {
      try examine(&answer)
    } catch let error as CairnError where error.kind == .notARepository {
      makeOne(&answer)
    } catch {
      answer.problems.append("\(error)")
    }
    answer.warnings = warnings.all
    return answer
  }

  private func open() throws -> Repository { try Repository(opening: request.repository, logger: warnings.logger) }

  private func examine(_ answer: inout Answer) throws {
    let repository = try open()
    let checkpoints = try contents(of: repository, &answer)
    answer.checkpoints = checkpoints
    // What could not be read once, though it can be now, is looked at again by gc.
    if request.kind == .contents { try expectWhole(repository, "opening", &answer) }
    guard request.kind == .everything else { return }

    func expectSame(_ after: String) throws {
      let now = try contents(of: repository, &answer)
      if now != checkpoints { answer.problems.append("after \(after) there are \(now.map(\.name)), or not the same") }
    }
    _ = try repository.collectGarbage()
    try verify(repository, "gc", &answer)
    try expectWhole(repository, "gc", &answer)
    try expectSame("gc")
    let left = try FileManager.default.contentsOfDirectory(atPath: request.repository + "/tmp")
    if !left.isEmpty { answer.problems.append("gc has left \(left) in tmp/") }

    repository.close()
    for ending in ["", "-wal", "-shm", "-journal"] {
      try? FileManager.default.removeItem(atPath: request.repository + "/index.sqlite" + ending)
    }
    try repository.reindex()
    try expectWhole(repository, "reindex", &answer)
    try expectSame("reindex")
    try verify(repository, "reindex", &answer)
    let freed = try repository.collectGarbage().freed
    if freed.files > 0 {
      answer.problems.append("the index made anew needs \(freed.files) files less than the old one")
    }

    try saveAndRemove(repository)
    try expectSame("a save and its removal")
    try verify(repository, "a save and its removal", &answer)
  }

  private func contents(of repository: Repository, _ answer: inout Answer) throws -> [Found] {
    let records = try repository.checkpoints().sorted { $0.name < $1.name }
    return records.map { record in
      var found = Found(
        name: record.name, id: record.id, run: record.run, step: record.step, metrics: record.metrics,
        tags: record.tags, metadata: record.metadata, manifest: record.manifest.hex, content: "")
      if request.kind == .index { return found }
      do {
        found.content = try repository.withCheckpoint(PathName(parsing: record.name)) { _, stored in
          let file = try stored.exportedFile(archiveName: "archive")
          return Digest(hashing: try file.bytes(at: 0, count: file.size)).hex
        }
      } catch {
        answer.problems.append("\(record.name) cannot be read: \(error)")
      }
      return found
    }
  }

  private func expectWhole(_ repository: Repository, _ after: String, _ answer: inout Answer) throws {
    for record in try repository.checkpoints() where record.state != .whole {
      answer.problems.append("\(record.name) is \(record.state.rawValue) after \(after)")
    }
  }

  private func verify(_ repository: Repository, _ after: String, _ answer: inout Answer) throws {
    var options = VerifyOptions()
    options.readData = true
    for problem in try repository.verify(options).problems {
      answer.problems.append("verify after \(after): \(problem.what): \(problem.problem)")
    }
  }

  private func saveAndRemove(_ repository: Repository) throws {
    let bytes = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31) }
    let content = CheckpointContent(
      content: .files([
        Manifest.File(
          path: "", size: bytes.count, modified: 0, modifiedNanoseconds: 0, format: "opaque", segments: [.storage(0)])
      ]), tensors: [], metadata: [:], sources: [BytesSource(bytes, name: "memory")])
    let saved = try repository.save(content, SaveRequest(path: "one more"))
    let loaded = try repository.withCheckpoint(PathName(path: "one more")) { _, stored in
      let file = try stored.exportedFile(archiveName: "archive")
      return try file.bytes(at: 0, count: file.size)
    }
    guard loaded == bytes else { throw CairnError(.damaged, "a save after it does not come back as it was") }
    guard try repository.remove(ids: [saved.id]).removed.count == 1 else {
      throw CairnError(.damaged, "a save after it cannot be removed")
    }
  }

  /// Where there is no repository, one can be made: `init` may have died there.
  private func makeOne(_ answer: inout Answer) {
    do {
      let repository = try Repository.initialize(
        request.repository, chunkSize: 64 * 1024, logger: warnings.logger)
      try saveAndRemove(repository)
      try verify(repository, "init", &answer)
    } catch {
      answer.problems.append("there is no repository, and none can be made: \(error)")
    }
  }
}
