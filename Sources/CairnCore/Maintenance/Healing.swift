extension Repository {
  /// Puts back missing blobs whose bytes a content has, and missing manifests that it makes; returns how many.
  ///
  /// They are saved as a checkpoint of their own, which is then removed: a save of the same bytes heals what is missing,
  /// and so repairing is no further way for files to come into their places. What is there and bad is not missing until
  /// ``verify(_:)`` has set it aside.
  ///
  /// - Parameter name: What the content is called in the log.
  public func heal(from content: CheckpointContent, called name: String) throws -> Int {
    let missing = try missing(of: read { try NeededBlob.all($0) })
    if missing.isEmpty { return 0 }
    var content = content
    content.moveLargeBytesOut()
    if !missing.contains(where: \.isManifest) {
      guard let part = try part(of: content, with: Set(missing.map(\.digest))) else { return 0 }
      content = part
    }
    var request = SaveRequest(path: "cairn-repair-\(randomID())")
    request.metadata = ["repaired_from": .string(name)]
    let saved = try save(content, request)
    _ = try remove(ids: [saved.id])
    // A manifest that is there again may name more that is missing: that was not asked for.
    return try missing.count - self.missing(of: missing).count
  }

  private func missing(of blobs: [NeededBlob]) throws -> [NeededBlob] {
    try BlobCheck(repository: self, options: VerifyOptions(), blobs: blobs).run().bad.map(\.blob)
  }

  /// The chunks of a content that are wanted, each as a storage; nil if it has none of them.
  private func part(of content: CheckpointContent, with wanted: Set<Digest>) throws -> CheckpointContent? {
    var sources: [RangeSource] = []
    for (source, digests) in zip(content.sources, try chunkDigests(of: content, nil)) {
      for (number, digest) in digests.enumerated() where wanted.contains(digest) {
        let start = number * configuration.chunkSize
        let length = min(configuration.chunkSize, source.size - start)
        sources.append(RangeSource(whole: source, offset: start, size: length))
      }
    }
    if sources.isEmpty { return nil }
    return CheckpointContent(
      content: .state(skeleton: .inline([])), tensors: [], metadata: [:], sources: sources,
      checkUnchanged: content.checkUnchanged)
  }
}
