import CairnCore
import Synchronization

/// Goes through the elements of tensors, one at a time or two of the same shape together, on several threads and with a
/// bounded number of bytes in memory.
///
/// Tensors are cut into pieces of a fixed number of elements, and what the pieces come to is put together in their
/// order: results do not depend on how many threads there are, or on which was faster.
struct ElementScan: Sendable {
  /// The views to be gone through together, and how.
  struct Job: Sendable {
    let sources: [ElementSource]
    let order: ElementOrder

    /// Throws ``TensorError`` if the elements repeat their storage so often that going through them would take for ever:
    /// nothing that a training makes, but a file from somebody else may.
    init(_ sources: [ElementSource], rowMajor: Bool = false) throws(TensorError) {
      self.sources = sources
      guard let first = sources.first else { throw TensorError("there is none") }
      order = ElementOrder(shape: first.view.shape, strides: sources.map(\.view.strides), rowMajor: rowMajor)
      let bytes = order.count.multipliedReportingOverflow(by: first.view.format.itemSize)
      let longest = sources.map(\.view.span.count).max() ?? 0
      guard !bytes.overflow, bytes.partialValue <= 1 << 20 || bytes.partialValue / 1024 <= longest else {
        throw TensorError("shape \(first.view.shape) repeats the same bytes too often")
      }
    }

    /// Whether all of its bytes are read one after the other.
    var isStreamed: Bool { sources.indices.allSatisfy { order.isAscending($0) } }
  }

  /// Some elements of each view, one behind the other.
  struct Block {
    var count: Int
    var bytes: [UnsafeMutableRawPointer]
    /// Room for two numbers of each element of each view.
    var numbers: [UnsafeMutablePointer<Double>]
  }

  /// Elements in a piece: a multiple of ``blockSize``, and of every power of two that chunks are likely to be.
  static let pieceSize = 1 << 22
  /// Elements in a block: its numbers stay in the processor's cache.
  static let blockSize = 1 << 14

  let jobs: [Job]
  /// Told how many elements of how many have been gone through, from any thread.
  var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
  /// Asked often, from any thread: `true` ends it with ``CairnError/Kind/cancelled``.
  var isCancelled: (@Sendable () -> Bool)?

  private struct Piece {
    var job: Int
    var range: Range<Int>
  }

  /// Calls `add` for each block; what it has added up for the pieces of a job, in order.
  func run<Partial: Sendable>(
    _ empty: @Sendable (Int) -> Partial,
    add: @escaping @Sendable (inout Partial, _ job: Int, Block) throws -> Void
  ) throws -> [[Partial]] {
    let pieces = pieces()
    let total = jobs.reduce(0) { $0 &+ $1.order.count }
    let done = Tally()
    let results = Mutex([Partial?](repeating: nil, count: pieces.count))
    let empties = jobs.indices.map(empty)
    try inParallel(pieces.count) { [self] index in
      let piece = pieces[index]
      var partial = empties[piece.job]
      try run(piece) { block in
        try add(&partial, piece.job, block)
        progress?(done.add(block.count), total)
        if isCancelled?() == true { throw CairnError(.cancelled, "reading the values was stopped") }
      }
      results.withLock { $0[index] = partial }
    }
    var byJob = jobs.map { _ in [Partial]() }
    for (piece, partial) in zip(pieces, results.withLock({ $0 })) {
      if let partial { byJob[piece.job].append(partial) }
    }
    return byJob
  }

  private func pieces() -> [Piece] {
    jobs.enumerated().flatMap { index, job in
      // What jumps about has its storage in memory, once.
      let size = job.isStreamed ? Self.pieceSize : max(job.order.count, 1)
      return stride(from: 0, to: job.order.count, by: size).map {
        Piece(job: index, range: $0..<min($0 + size, job.order.count))
      }
    }
  }

  private func run(_ piece: Piece, _ body: (Block) throws -> Void) throws {
    try Self.forEachBlock(jobs[piece.job], piece.range, body)
  }

  /// Goes through part of a job on this thread.
  static func forEachBlock(_ job: Job, _ range: Range<Int>, _ body: (Block) throws -> Void) throws {
    let readers = try job.sources.enumerated().map { try $1.reader(job.order, $0) }
    let size = min(Self.blockSize, max(range.count, 1))
    let buffers = job.sources.map {
      UnsafeMutableRawPointer.allocate(byteCount: size * $0.view.format.itemSize, alignment: 64)
    }
    let numbers = job.sources.map { _ in UnsafeMutablePointer<Double>.allocate(capacity: 2 * size) }
    defer {
      for buffer in buffers { buffer.deallocate() }
      for room in numbers { room.deallocate() }
    }
    for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
      let part = start..<min(start + size, range.upperBound)
      for (reader, buffer) in zip(readers, buffers) { try reader.read(part, into: buffer) }
      try body(Block(count: part.count, bytes: buffers, numbers: numbers))
    }
  }
}
