/// Takes out of a backup what its log no longer needs.
struct BackupPruning {
  let target: Repository
  /// The names of the files that are needed.
  private let needed: Set<String>
  private let digests: Set<Digest>

  init(_ target: Repository, keeping files: some Sequence<(digest: Digest, encoding: BlobStore.Encoding)>) {
    self.target = target
    needed = Set(files.map { $0.digest.hex + $0.encoding.rawValue })
    digests = Set(files.map(\.digest))
  }

  /// What is there and not needed. Files that have no blob's name are somebody's.
  func superfluous() throws -> [(path: String, size: Int)] {
    var found: [(path: String, size: Int)] = []
    for directory in BlobStore.directoryNames {
      let path = "\(target.path)/blobs/\(directory)"
      for name in try Files.names(in: path) where isSuperfluous(name) {
        if let status = try Files.linkStatus(path + "/" + name), !status.isDirectory {
          found.append((path + "/" + name, status.size))
        }
      }
    }
    return found
  }

  private func isSuperfluous(_ name: String) -> Bool {
    guard let digest = Digest(hex: name.prefix(2 * Digest.byteCount)), !needed.contains(name) else { return false }
    switch name.dropFirst(2 * Digest.byteCount) {
    case "", ".zst", ".pack": return true
    // Set aside by `verify`: what is good in it may be all there is.
    case ".bad", ".zst.bad", ".pack.bad": return !digests.contains(digest)
    default: return false
    }
  }

  /// Removes them, in batches under the backup's lock, each only if its log still is the one that does not need them:
  /// whoever writes to a backup puts files in place and says so in its log with the lock held once.
  ///
  /// False if the log is another by now; then the rest stays.
  func remove(
    _ files: [(path: String, size: Int)], logAt position: Log.Position, each: (Int) -> Void
  ) throws -> Bool {
    var rest = files[...]
    while !rest.isEmpty {
      let batch = rest.prefix(Repository.sweepBatch)
      rest = rest.dropFirst(batch.count)
      guard let directory = try takeAway(batch, logAt: position, each) else { return false }
      // 1 to 3 ms each for 8 MiB: not with the lock held.
      try directory.remove()
    }
    return true
  }

  private func takeAway(
    _ batch: some Sequence<(path: String, size: Int)>, logAt position: Log.Position, _ each: (Int) -> Void
  ) throws -> WriterDirectory? {
    let lock = try target.acquireLock()
    defer { lock.release() }
    let log = try Log(readingOnly: target.path)
    guard try log.size() == position.bytes, try log.holds(position) else { return nil }
    let directory = try WriterDirectory(repository: target.path, modes: target.modes)
    for file in batch {
      let name = file.path.split(separator: "/").last.map(String.init) ?? "blob"
      if try Files.renameIfThere(file.path, to: directory.path + "/" + name) { each(file.size) }
    }
    return directory
  }
}
