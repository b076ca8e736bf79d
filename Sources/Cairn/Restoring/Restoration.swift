import CairnCore
import CairnFormats
import Foundation

/// One restore, into a format.
struct Restoration {
  let record: CheckpointRecord
  let stored: StoredCheckpoint
  let output: Output
  let options: RestoreOptions

  func run() throws -> RestoreReport {
    switch (options.format, stored.manifest.content) {
    case (nil, .files(let files)), (.original, .files(let files)): return try restore(files)
    case (.original, .state):
      throw CairnError(
        .invalid, "\(record.name): was saved from memory, so there is no original file",
        advice: "use --format pytorch or --format safetensors")
    case (nil, .state(let skeleton)), (.pytorch, .state(let skeleton)): return try restore(skeleton)
    case (.pytorch, .files(let files))
    where files.count == 1 && files[0].format == FileLayout.Format.pytorch.rawValue:
      return try restore(files)
    case (.pytorch, .files): return try PyTorchExport(try verifiedState()).write(self)
    case (.safetensors, _): return try SafetensorsExport(try verifiedState()).write(self)
    }
  }

  /// The state, mapped so that it need not fit into memory, once every blob of it was read and checked.
  private func verifiedState() throws -> Checkpoint {
    let manifest = stored.manifest
    let pieces = manifest.storages.enumerated().flatMap { index, storage in storage.chunks.map { ($0, index) } }
    try inParallel(pieces.count, buffers: FileRestorer.batchBytes) { [stored] position, buffer in
      let (chunk, storage) = pieces[position]
      try stored.read(chunk, of: storage, through: buffer) { _, _ in }
    }
    return try stored.load(.mapped)
  }

  func report(bytes: Int, leftOut: [String] = []) -> RestoreReport {
    RestoreReport(checkpoint: record.name, path: output.destination, bytes: bytes, digest: nil, leftOut: leftOut)
  }

  private func restore(_ files: [Manifest.File]) throws -> RestoreReport {
    let restorer = FileRestorer(stored: stored, progress: options.progress)
    let total = files.reduce(0) { $0 + $1.size }
    if files.count == 1, files[0].path.isEmpty {
      try restorer.restore(
        files[0], to: output.temporary, replacing: output.destination, done: 0, total: total)
      try output.publishFile()
      return report(bytes: total)
    }
    var done = 0
    for file in files {
      let path = output.temporary + "/" + file.path
      let parent = (path as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      try restorer.restore(
        file, to: path, replacing: output.destination + "/" + file.path, done: done, total: total)
      done += file.size
    }
    for directory in OutputDirectory.directories(of: files.map(\.path), in: output.temporary) {
      try OutputDirectory.sync(directory)
    }
    var report = report(bytes: total)
    report.warnings = try output.publishDirectory()
    return report
  }

  /// A state as a container, put together as any other file of segments.
  private func restore(_ skeleton: Manifest.Bytes) throws -> RestoreReport {
    let file = try stored.container(of: skeleton, archiveName: archiveName)
    try FileRestorer(stored: stored, progress: options.progress).restore(
      file, to: output.temporary, replacing: output.destination, done: 0, total: file.size, keepsTime: false)
    try output.publishFile()
    return report(bytes: file.size)
  }

  var archiveName: String { PyTorchContainerWriter.archiveName(ofFile: output.destination) }

  /// Writes the output one piece after the other, and puts it in place; returns its size.
  func writeFile(_ body: (@escaping ZipWriter.Sink) throws -> Void) throws -> Int {
    let file = try OutputFile(output.temporary)
    let sequence = SequentialOutput(file, total: stored.manifest.size, progress: options.progress)
    try body { try sequence.write($0) }
    try sequence.flush()
    try file.finish()
    try output.publishFile()
    return sequence.written
  }
}
