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

  /// Whether a blob's own file in this form is there and is not what it should be.
  private func isBad(_ blob: NeededBlob, _ encoding: BlobStore.Encoding) -> Bool {
    do {
      if blob.isManifest {
        if encoding == .zstd { _ = try ManifestFile(blobs: blobs).read(blob.digest) }
        return false
      }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(blob.size, 1), alignment: 4_096)
      defer { buffer.deallocate() }
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<blob.size])
      let chunk = Manifest.Chunk(digest: blob.digest, length: blob.size, crc32: 0)
      let reader = BlobReader(blobs: blobs)
      let path = try encoding == .raw ? reader.readRaw(chunk, into: target) : reader.readCompressed(chunk, into: target)
      return path != nil && Digest(hashing: UnsafeRawBufferPointer(target)) != blob.digest
    } catch let error as CairnError {
      return error.kind == .damaged || error.kind == .newerFormat
    } catch {
      return false
    }
  }
}
