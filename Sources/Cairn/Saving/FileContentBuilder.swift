import CairnCore
import CairnFormats

/// Puts files together into the content of one checkpoint.
struct FileContentBuilder {
  private var files: [Manifest.File] = []
  private var tensors: [[TensorEntry]] = []
  private var metadata: [(path: String, members: [String: JSONValue])] = []
  private var sources: [any ByteSource] = []
  private var opened: [FileSource] = []
  private(set) var metrics: [String: Double] = [:]
  /// The directory that the files are all of, and their names in it.
  var directory: (path: String, names: [String])?

  /// Adds a file under its path below the directory that is saved; empty for a single file.
  mutating func add(_ file: CheckpointFile, as path: String) throws {
    var segments: [Manifest.Bytes] = []
    var storagePositions: [Int] = []
    var end = 0
    func literal(to offset: Int) throws {
      guard offset > end else { return }
      if offset - end <= CheckpointContent.inlineLimit, file.layout.format != .opaque {
        segments.append(.inline(try file.source.bytes(at: end, count: offset - end)))
      } else {
        segments.append(.storage(sources.count))
        sources.append(RangeSource(whole: file.source, offset: end, size: offset - end))
      }
    }
    for extent in file.layout.storages {
      try literal(to: extent.offset)
      storagePositions.append(sources.count)
      segments.append(.storage(sources.count))
      sources.append(RangeSource(whole: file.source, offset: extent.offset, size: extent.length))
      end = extent.offset + extent.length
    }
    try literal(to: file.source.size)
    let time = file.source.modificationTime
    files.append(
      Manifest.File(
        path: path, size: file.source.size, modified: time.seconds, modifiedNanoseconds: time.nanoseconds,
        format: file.layout.format.rawValue, segments: segments))
    tensors.append(
      file.layout.tensors.map { tensor in
        var tensor = tensor
        tensor.storage = storagePositions[tensor.storage]
        return tensor
      })
    if !file.layout.metadata.isEmpty { metadata.append((path, file.layout.metadata)) }
    metrics.merge(file.metrics) { first, _ in first }
    opened.append(file.source)
  }

  /// The content: tensors of several files keep their names, led by their file's path where two would be the same.
  func content() -> CheckpointContent {
    var uses: [String: Int] = [:]
    for list in tensors { for tensor in list { uses[tensor.name, default: 0] += 1 } }
    var all: [TensorEntry] = []
    for (index, list) in tensors.enumerated() {
      for var tensor in list {
        if uses[tensor.name] ?? 0 > 1, !files[index].path.isEmpty {
          tensor.name = files[index].path + "/" + tensor.name
        }
        all.append(tensor)
      }
    }
    var members: [String: JSONValue] = [:]
    if metadata.count == 1 {
      members = metadata[0].members
    } else if !metadata.isEmpty {
      // Paths that are canonically equivalent ("é" in one code point and in two) are one key to Swift: the first counts.
      members["files"] = .object(
        Dictionary(
          metadata.map { ($0.path, JSONValue.object($0.members)) }, uniquingKeysWith: { first, _ in first }))
    }
    return CheckpointContent(
      content: .files(files), tensors: all, metadata: members, sources: sources,
      checkUnchanged: { [opened, directory] in
        for file in opened { try file.checkUnchanged() }
        guard let directory else { return }
        guard try DirectoryWalk.files(in: directory.path) == directory.names else {
          throw CairnError(
            .changed, "\(directory.path): files came into it or left it while it was read",
            advice: "nothing was saved; save it once it is complete")
        }
      })
  }
}
