extension Repository {
  /// Renames the files of blobs that are found bad to `….bad`, so that the next save of the same bytes heals them.
  ///
  /// Each is looked at again with the lock held: since it was found bad, a save may have written it anew. What is good in
  /// a bad pack moves into another pack first.
  func setAside(_ bad: [NeededBlob]) throws {
    for blob in bad where blob.pack == nil {
      try locked { _ in
        var isMoved = false
        for encoding in [BlobStore.Encoding.raw, .zstd] where isBad(blob, encoding) {
          let path = blobs.path(blob.digest, encoding)
          isMoved = try Files.renameIfThere(path, to: path + ".bad") || isMoved
        }
        if isMoved { try Files.syncDirectory(blobs.directory(blob.digest)) }
      }
    }
    for pack in Set(bad.compactMap(\.pack)).sorted() {
      try locked { locked in
        let packs = Packs(blobs: blobs)
        let still = bad.contains { blob in
          blob.pack == pack && BlobCheck.check(blob, blobs, packs, readData: true)?.isThere == true
        }
        guard still else { return }
        _ = try repack([pack], &locked)
        let path = blobs.path(pack, .pack)
        _ = try Files.renameIfThere(path, to: path + ".bad")
        try Files.syncDirectory(blobs.directory(pack))
      }
    }
  }

  /// Whether a blob's own file in this form is there and is not what it should be: by its digest alone, since a row that
  /// says how long it is, or what, may be what has changed.
  private func isBad(_ blob: NeededBlob, _ encoding: BlobStore.Encoding) -> Bool {
    do {
      guard let file = try blobs.open(blob.digest, encoding) else { return false }
      let limit = max(configuration.chunkSize, blob.isManifest ? ManifestFile.limit : blob.size)
      guard try file.status().size <= Zstd.bound(limit) else { return true }
      var content = try file.contents()
      if encoding == .zstd { content = try Zstd.decompress(content, path: file.path, limit: limit) }
      return Digest(hashing: content) != blob.digest
    } catch let error as CairnError {
      return error.kind == .damaged
    } catch {
      return false
    }
  }
}
