extension Manifest {
  /// The first bytes of every manifest; the last one is the version of the encoding.
  private static let magic: [UInt8] = Array("cairn-manifest\n".utf8) + [1]

  /// The manifest as bytes: equal manifests give equal bytes.
  ///
  /// Column after column rather than row after row: equal things next to each other are what zstd makes small.
  package func encoded() throws -> [UInt8] {
    var writer = ByteWriter()
    writer.put(raw: Self.magic)
    writer.put(packs.count)
    for pack in packs { writer.put(raw: pack.bytes) }
    writer.put(chunks.count)
    for chunk in chunks { writer.put(chunk.length) }
    for chunk in chunks { writer.put(chunk.pack.map { $0 + 1 } ?? 0) }
    for chunk in chunks { writer.put(raw: chunk.digest.bytes) }
    for chunk in chunks { writer.put(Int(chunk.crc32)) }
    writer.put(storages.count)
    for storage in storages {
      writer.put(storage.chunks.count)
      for chunk in storage.chunks { writer.put(chunk) }
    }
    writer.put(tensors.count)
    for tensor in tensors { writer.put(tensor.name) }
    for tensor in tensors { writer.put(tensor.dtype) }
    for tensor in tensors {
      writer.put(tensor.shape.count)
      for extent in tensor.shape { writer.put(extent) }
    }
    for tensor in tensors {
      // As many as the shape has, so uncounted; another number would have been refused when it came in.
      for stride in tensor.strides { writer.put(stride) }
    }
    for tensor in tensors { writer.put(tensor.byteOffset) }
    for tensor in tensors { writer.put(tensor.storage) }
    writer.put(counted: try JSONValue.object(metadata).serialized())
    switch content {
    case .state(let skeleton):
      writer.put(0)
      Self.put(skeleton, into: &writer)
    case .files(let files):
      writer.put(1)
      writer.put(files.count)
      for file in files {
        writer.put(file.path)
        writer.put(file.size)
        writer.put(file.modified)
        writer.put(file.modifiedNanoseconds)
        writer.put(file.format)
        writer.put(file.segments.count)
        for segment in file.segments { Self.put(segment, into: &writer) }
      }
    }
    return writer.bytes
  }

  private static func put(_ bytes: Bytes, into writer: inout ByteWriter) {
    switch bytes {
    case .inline(let content):
      writer.put(0)
      writer.put(counted: content)
    case .storage(let index):
      writer.put(index + 1)
    }
  }

  /// Reads a manifest, checking that every position in it is one, that no path leads out of its directory, and that
  /// its sizes add up. Throws ``CairnError``; `path` is what the error names.
  package static func decoded(_ bytes: [UInt8], path: String) throws -> Manifest {
    do {
      var reader = ByteReader(bytes)
      let magic = try Array(reader.raw(Self.magic.count))
      guard magic.dropLast() == Self.magic.dropLast() else { throw ByteReader.Malformed(problem: "not a manifest") }
      guard magic.last == Self.magic.last else {
        throw CairnError(.newerFormat, "\(path): a manifest of a newer format", advice: "use a newer Cairn")
      }
      let manifest = try decoded(&reader)
      guard reader.remaining == 0 else { throw ByteReader.Malformed(problem: "bytes after its end") }
      return manifest
    } catch let error as ByteReader.Malformed {
      throw CairnError.damaged(path, "not a valid manifest: \(error.problem)")
    }
  }

  private static func decoded(_ reader: inout ByteReader) throws -> Manifest {
    let packCount = try reader.count()
    let packs = try (0..<packCount).map { _ in try digest(&reader) }
    let chunkCount = try reader.count()
    let lengths = try (0..<chunkCount).map { _ in try reader.number(upTo: Int(UInt32.max)) }
    let places = try (0..<chunkCount).map { _ in try reader.number(upTo: packCount) }
    let digests = try (0..<chunkCount).map { _ in try digest(&reader) }
    let chunks = try (0..<chunkCount).map { index in
      Chunk(
        digest: digests[index], length: lengths[index], pack: places[index] == 0 ? nil : places[index] - 1,
        crc32: UInt32(try reader.number(upTo: Int(UInt32.max))))
    }
    let storageCount = try reader.count()
    let storages = try (0..<storageCount).map { _ in try storage(&reader, of: chunks) }
    try checkSum(storages.lazy.map(\.size), "storages")
    let tensors = try tensors(&reader, storages: storages)
    guard case .object(let metadata)? = try? JSONValue(parsing: reader.counted()) else {
      throw ByteReader.Malformed(problem: "metadata that is not a JSON object")
    }
    let content: Content
    if try reader.number(upTo: 1) == 0 {
      content = .state(skeleton: try inlineOrStorage(&reader, storageCount))
    } else {
      let count = try reader.count()
      let files = try (0..<count).map { _ in try file(&reader, storages: storages) }
      try checkSum(files.lazy.map(\.size), "files")
      content = .files(files)
    }
    return Manifest(
      content: content, tensors: tensors, metadata: metadata, storages: storages, chunks: chunks, packs: packs)
  }

  private static func checkSum(_ sizes: some Sequence<Int>, _ what: String) throws {
    var sum = 0
    for size in sizes {
      let (next, overflow) = sum.addingReportingOverflow(size)
      // Room for what is added to it: literals, a skeleton.
      guard !overflow, next <= Int.max / 4 else { throw ByteReader.Malformed(problem: "\(what) of over 2^61 bytes") }
      sum = next
    }
  }

  private static func digest(_ reader: inout ByteReader) throws -> Digest {
    guard let digest = Digest(bytes: try reader.raw(Digest.byteCount)) else {
      throw ByteReader.Malformed(problem: "a digest of the wrong length")
    }
    return digest
  }

  private static func storage(_ reader: inout ByteReader, of chunks: [Chunk]) throws -> Storage {
    let count = try reader.count()
    var size = 0
    let members = try (0..<count).map { _ in
      let member = try reader.number(upTo: chunks.count - 1)
      let (sum, overflow) = size.addingReportingOverflow(chunks[member].length)
      guard !overflow else { throw ByteReader.Malformed(problem: "a storage of over 2^63 bytes") }
      size = sum
      return member
    }
    return Storage(chunks: members, size: size)
  }

  private static func tensors(_ reader: inout ByteReader, storages: [Storage]) throws -> [TensorEntry] {
    // Each takes five bytes at least: what a hostile count asks for is in proportion to what there is.
    let count = try reader.number(upTo: reader.remaining / 5)
    var tensors = try (0..<count).map { _ in
      TensorEntry(name: try reader.text(), dtype: "", shape: [], strides: [], byteOffset: 0, storage: 0)
    }
    for index in 0..<count { tensors[index].dtype = try reader.text() }
    for index in 0..<count {
      let rank = try reader.count()
      tensors[index].shape = try (0..<rank).map { _ in try reader.number(upTo: .max) }
    }
    for index in 0..<count { tensors[index].strides = try tensors[index].shape.map { _ in try reader.number() } }
    for index in 0..<count { tensors[index].byteOffset = try reader.number(upTo: .max) }
    for index in 0..<count { tensors[index].storage = try reader.number(upTo: storages.count - 1) }
    return tensors
  }

  private static func file(_ reader: inout ByteReader, storages: [Storage]) throws -> File {
    let path = try reader.text()
    guard isSafeRelativePath(path) else { throw ByteReader.Malformed(problem: "the path \(path) leads elsewhere") }
    let size = try reader.number(upTo: .max)
    let modified = try reader.number()
    let nanoseconds = try reader.number(upTo: 999_999_999)
    let format = try reader.text()
    let count = try reader.count()
    var sum = 0
    let segments = try (0..<count).map { _ in
      let segment = try inlineOrStorage(&reader, storages.count)
      let length =
        switch segment {
        case .inline(let bytes): bytes.count
        case .storage(let index): storages[index].size
        }
      let (next, overflow) = sum.addingReportingOverflow(length)
      guard !overflow else { throw ByteReader.Malformed(problem: "a file of over 2^63 bytes") }
      sum = next
      return segment
    }
    guard sum == size else { throw ByteReader.Malformed(problem: "a file whose parts are not its size") }
    return File(
      path: path, size: size, modified: modified, modifiedNanoseconds: nanoseconds, format: format,
      segments: segments)
  }

  private static func inlineOrStorage(_ reader: inout ByteReader, _ storageCount: Int) throws -> Bytes {
    let index = try reader.number(upTo: storageCount)
    return index == 0 ? .inline(Array(try reader.counted())) : .storage(index - 1)
  }

  /// Whether a file's path stays below the directory it is restored into. The empty path is the single file's.
  static func isSafeRelativePath(_ path: String) -> Bool {
    if path.isEmpty { return true }
    if path.utf8.contains(0) { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0 != "." && $0 != ".."
    }
  }
}
