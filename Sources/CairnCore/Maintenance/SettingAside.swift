extension Repository {
  /// Renames the files of blobs that are found bad to `….bad`, so that the next save of the same bytes heals them.
  ///
  /// Each is looked at again with the lock held: since it was found bad, a save may have written it anew. What is good in
  /// a bad pack moves into another pack first.
  func setAside(_ bad: [NeededBlob]) throws {
    for blob in bad where blob.pack == nil {
      try locked { _ in
        guard let still = BlobCheck.check(blob, blobs, Packs(blobs: blobs), readData: true), still.isThere else {
          return
        }
        for encoding in [BlobStore.Encoding.raw, .zstd] where encoding == .zstd || !blob.isManifest {
          let path = blobs.path(blob.digest, encoding)
          _ = try Files.renameIfThere(path, to: path + ".bad")
        }
        try Files.syncDirectory(blobs.directory(blob.digest))
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
}
