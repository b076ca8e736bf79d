/// A piece of a storage: what becomes a blob.
struct ChunkTask: Sendable {
  var storage: Int
  /// Which of the storage's chunks it is.
  var chunk: Int
  /// Where it starts in the storage.
  var offset: Int
  var length: Int
}

/// Storages cut at multiples of the chunk size from their own start.
struct Chunking: Sendable {
  let tasks: [ChunkTask]
  /// For each storage, where its tasks start in ``tasks``; one more at the end.
  let starts: [Int]
  let totalBytes: Int

  init(sizes: [Int], chunkSize: Int) {
    var tasks: [ChunkTask] = []
    var starts: [Int] = []
    for (storage, size) in sizes.enumerated() {
      starts.append(tasks.count)
      for (chunk, offset) in stride(from: 0, to: size, by: chunkSize).enumerated() {
        tasks.append(
          ChunkTask(storage: storage, chunk: chunk, offset: offset, length: min(chunkSize, size - offset)))
      }
    }
    starts.append(tasks.count)
    self.tasks = tasks
    self.starts = starts
    totalBytes = sizes.reduce(0, +)
  }

  /// The given tasks in batches that a worker takes at once: one large chunk, or many small ones.
  static func batches(_ indexes: some Sequence<Int>, of tasks: [ChunkTask], chunkSize: Int) -> [[Int]] {
    var batches: [[Int]] = []
    var batch: [Int] = []
    var bytes = 0
    for index in indexes {
      let length = tasks[index].length
      if !batch.isEmpty, bytes + length > min(chunkSize, 1 << 20) || batch.count == 512 {
        batches.append(batch)
        batch = []
        bytes = 0
      }
      batch.append(index)
      bytes += length
    }
    if !batch.isEmpty { batches.append(batch) }
    return batches
  }
}
