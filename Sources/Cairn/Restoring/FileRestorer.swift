import CairnCore
import Glibc

/// Writes files of a checkpoint as they were, on several threads; every blob's digest is checked as it is read.
struct FileRestorer {
  let stored: StoredCheckpoint
  let progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

  /// A run of a file's bytes that one thread reads and writes at once.
  private struct Batch: Sendable {
    var offset: Int
    var length = 0
    var pieces: [Piece] = []
  }

  private enum Piece: Sendable {
    case literal([UInt8])
    case chunk(Int, storage: Int)
  }

  /// What a thread reads, checks and writes at once stays in its core's cache, and the disk gets to write it soon.
  static let batchBytes = 1 << 20

  /// Writes one file to a path where nothing is yet. `done` and `total` are bytes, for the progress of several files.
  func restore(
    _ file: Manifest.File, to path: String, replacing: String? = nil, done: Int, total: Int, keepsTime: Bool = true
  ) throws {
    let output = try OutputFile(path, size: file.size, replacing: replacing)
    let batches = batches(file)
    let finished = Tally(done)
    try inParallel(batches.count, buffers: Self.batchBytes) { [progress] index, buffer in
      let batch = batches[index]
      try write(batch, to: output, through: buffer)
      progress?(finished.add(batch.length), total)
    }
    try output.finish(modified: keepsTime ? (file.modified, file.modifiedNanoseconds) : nil)
  }

  private func write(_ batch: Batch, to output: OutputFile, through buffer: UnsafeMutableRawBufferPointer) throws {
    if batch.pieces.count == 1 {
      switch batch.pieces[0] {
      case .literal(let bytes): try bytes.withUnsafeBytes { try output.write($0, at: batch.offset) }
      case .chunk(let chunk, let storage):
        // Should the chunk turn out damaged, so is the file, which is thrown away then.
        try stored.read(chunk, of: storage, through: buffer) { try output.write($0, at: batch.offset + $1) }
      }
      return
    }
    var start = 0
    for piece in batch.pieces {
      switch piece {
      case .literal(let bytes):
        UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + bytes.count]).copyBytes(from: bytes)
        start += bytes.count
      case .chunk(let chunk, let storage):
        let length = stored.manifest.chunks[chunk].length
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + length])
        try stored.read(chunk, of: storage, into: room, verify: true)
        start += length
      }
    }
    try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<batch.length]), at: batch.offset)
  }

  private func batches(_ file: Manifest.File) -> [Batch] {
    var batches: [Batch] = []
    var current = Batch(offset: 0)
    func add(_ piece: Piece, _ length: Int) {
      if length == 0 { return }
      if current.length > 0, current.length + length > Self.batchBytes {
        batches.append(current)
        current = Batch(offset: current.offset + current.length)
      }
      current.pieces.append(piece)
      current.length += length
    }
    for segment in file.segments {
      switch segment {
      case .inline(let bytes): add(.literal(bytes), bytes.count)
      case .storage(let storage):
        for chunk in stored.manifest.storages[storage].chunks {
          add(.chunk(chunk, storage: storage), stored.manifest.chunks[chunk].length)
        }
      }
    }
    if current.length > 0 { batches.append(current) }
    return batches
  }
}
