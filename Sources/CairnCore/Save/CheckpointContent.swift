/// A checkpoint on its way into the repository: its bytes where they are now, and what they mean.
public struct CheckpointContent: Sendable {
  /// How it comes in. Positions of storages are positions in ``sources``.
  public var content: Manifest.Content
  /// The named tensors; their storages are positions in ``sources``.
  public var tensors: [TensorEntry]
  /// What was read out of it.
  public var metadata: [String: JSONValue]
  /// The bytes of the storages. Each byte is read once, or again if another process removes what was to be shared.
  public var sources: [any ByteSource]
  /// Called when all bytes have been read, before anything is committed: throws if a source has changed meanwhile.
  public var checkUnchanged: @Sendable () throws -> Void

  /// Skeletons and literals of more than this many bytes become storages, so that they are shared as these are.
  public static let inlineLimit = 64 * 1024

  /// Makes a content from its parts.
  public init(
    content: Manifest.Content, tensors: [TensorEntry], metadata: [String: JSONValue], sources: [any ByteSource],
    checkUnchanged: @escaping @Sendable () throws -> Void = {}
  ) {
    self.content = content
    self.tensors = tensors
    self.metadata = metadata
    self.sources = sources
    self.checkUnchanged = checkUnchanged
  }

  /// Moves inline bytes over the limit into sources.
  mutating func moveLargeBytesOut() {
    switch content {
    case .state(let skeleton):
      content = .state(skeleton: movedOut(skeleton))
    case .files(var files):
      for index in files.indices { files[index].segments = files[index].segments.map { movedOut($0) } }
      content = .files(files)
    }
  }

  private mutating func movedOut(_ bytes: Manifest.Bytes) -> Manifest.Bytes {
    guard case .inline(let inline) = bytes, inline.count > Self.inlineLimit else { return bytes }
    sources.append(BytesSource(inline, name: "literal bytes"))
    return .storage(sources.count - 1)
  }
}
