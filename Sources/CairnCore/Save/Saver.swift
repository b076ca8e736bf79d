import Foundation
import GRDB
import Synchronization

/// One save, from bytes somewhere to a committed checkpoint (DESIGN: reading and writing without the lock, then a short
/// commit with it).
final class Saver {
  let repository: Repository
  let content: CheckpointContent
  let request: SaveRequest
  let chunking: Chunking
  private let table: ChunkTable
  private let directory: WriterDirectory
  /// Called when everything is written and the lock is about to be taken: where tests put other processes' doings.
  var beforeLock: () throws -> Void = {}

  init(_ repository: Repository, _ content: CheckpointContent, _ request: SaveRequest) throws {
    var content = content
    content.moveLargeBytesOut()
    self.repository = repository
    self.content = content
    self.request = request
    try Self.refuseImpossible(content.sources.map(\.size), path: request.path)
    chunking = Chunking(sizes: content.sources.map(\.size), chunkSize: repository.configuration.chunkSize)
    table = ChunkTable(taskCount: chunking.tasks.count)
    directory = try WriterDirectory(repository: repository.path, modes: repository.modes)
  }

  /// Throws for sizes that no disk has: an array of their chunks would take all memory.
  private static func refuseImpossible(_ sizes: [Int], path: String) throws {
    var total = 0
    for size in sizes {
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard size >= 0, !overflow, sum <= 1 << 48 else {
        throw CairnError(.invalid, "\(path): storages of over 2^48 bytes")
      }
      total = sum
    }
  }

  func run() throws -> SaveReport {
    defer { try? directory.remove() }
    var tasks = Array(chunking.tasks.indices)
    let request = request
    let checkCancelled: (() throws -> Void)? = request.isCancelled == nil ? nil : { try request.checkCancelled() }
    while true {
      try readHashAndWrite(tasks)
      try request.checkCancelled()
      try content.checkUnchanged()
      let prepared = try PreparedManifest(self, table.result(), directory: directory)
      try beforeLock()
      let outcome = try repository.locked(checkCancelled: checkCancelled) { locked in
        try Commit(self, prepared).run(&locked)
      }
      switch outcome {
      case .committed(var report, let replaced):
        if replaced, !request.indexLater { report.warnings += repository.sweepReportingFailure() }
        return report
      case .gone(let digests):
        tasks = table.forget(digests)
      }
    }
  }

  private func readHashAndWrite(_ tasks: [Int]) throws {
    let chunkSize = repository.configuration.chunkSize
    let batches = Chunking.batches(tasks, of: chunking.tasks, chunkSize: chunkSize)
    let next = Atomic(0)
    let (repository, chunking, table, directory, request) = (repository, chunking, table, directory, request)
    let done = Atomic(chunking.totalBytes - tasks.reduce(0) { $0 + chunking.tasks[$1].length })
    let failed = Atomic(false)
    let packs = Packs(blobs: repository.blobs)
    let sources = content.sources
    let nothingIsKnown = repository.chunkMemory.isEmpty
    try onThreads(min(workerCount, max(batches.count, 1))) { _ in
      let size = min(chunkSize, max(batches.map { $0.reduce(0) { $0 + chunking.tasks[$1].length } }.max() ?? 0, 1))
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4_096)
      defer { buffer.deallocate() }
      var worker = ChunkWorker(
        repository: repository, sources: sources, chunking: chunking, table: table, directory: directory,
        packs: packs, nothingIsKnown: nothingIsKnown, buffer: buffer)
      do {
        while !failed.load(ordering: .relaxed) {
          try request.checkCancelled()
          let index = next.add(1, ordering: .relaxed).oldValue
          if index >= batches.count { break }
          try worker.run(batches[index])
          let bytes = batches[index].reduce(0) { $0 + chunking.tasks[$1].length }
          request.progress?(done.add(bytes, ordering: .relaxed).newValue, chunking.totalBytes)
        }
      } catch {
        failed.store(true, ordering: .relaxed)
        throw error
      }
    }
    let empty = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    try ChunkWorker(
      repository: repository, sources: sources, chunking: chunking, table: table, directory: directory, packs: packs,
      nothingIsKnown: nothingIsKnown, buffer: empty
    ).writePack(table.takeSmall())
  }
}

extension Repository {
  /// Saves a checkpoint: when this returns, it survives power loss; when it throws, the repository is as before
  /// (``CairnError/Kind/outcomeOpen`` says that it is one or the other).
  ///
  /// Throws ``CairnError/Kind/alreadyExists`` if a tag is to be called as a path is, or a path as a tag is.
  public func save(_ content: CheckpointContent, _ request: SaveRequest) throws -> SaveReport {
    try request.validate()
    try refuseCollisions(request)
    return try Saver(self, content, request).run()
  }
}
