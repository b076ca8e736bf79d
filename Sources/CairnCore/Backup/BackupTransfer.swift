import CairnSystem
import Crypto
import Glibc
import Synchronization

/// Brings single files from a repository's `blobs/` into a backup's.
final class BackupTransfer: Sendable {
  /// How a file came to be in the backup.
  enum Way: Sendable {
    case reused
    case linked
    case cloned
    case copied
    /// It did not come: this only looks.
    case pending
  }

  /// A file that is in the backup now.
  struct Taken: Sendable {
    var encoding: BlobStore.Encoding
    var size: Int
    var way: Way
  }

  enum Outcome: Sendable {
    case taken(Taken)
    /// The repository has it no more, or not as it should be.
    case unavailable(String)
  }

  private let source: BlobStore
  private let target: BlobStore
  private let options: BackupOptions
  /// Where files are made before they get their names; nil: this only looks.
  private let directory: WriterDirectory?
  private let mode: mode_t
  /// The paths of the files that this has brought.
  let brought = Mutex<[String]>([])
  private let mayLink: Atomic<Bool>
  private let mayClone: Atomic<Bool>

  init(
    from source: BlobStore, to target: BlobStore, _ options: BackupOptions, directory: WriterDirectory?, mode: mode_t
  ) {
    self.source = source
    self.target = target
    self.options = options
    self.directory = directory
    self.mode = mode
    mayLink = Atomic(options.method == .link)
    mayClone = Atomic(options.method == .link)
  }

  /// Sees to it that a file is in the backup, durably but for its name.
  ///
  /// One that is there already is never replaced by what the repository has, unless that is good and this one is not:
  /// a repository that rots does not take its backup with it.
  func take(_ file: BackupPlan.File) throws -> Outcome {
    if file.kind == .blob, let there = try there(file, .raw), there.size == file.size {
      return .taken(try reuse(there, .raw))
    }
    var problem = "it is not there"
    for encoding in file.encodings {
      let opened: OpenFile?
      do {
        opened = try source.open(file.digest, encoding)
      } catch let error as CairnError where error.kind == .damaged {
        problem = error.message
        continue
      }
      guard let original = opened else { continue }
      let size = try original.status().size
      if encoding == .raw, size != file.size {
        problem = "it is not as long as it was"
        continue
      }
      let there = try there(file, encoding)
      if let there, there.size == size, !file.isSuspect { return .taken(try reuse(there, encoding)) }
      if there != nil || file.isSuspect, let flaw = BackedUpContent.flaw(original, file, encoding) {
        problem = flaw
        continue
      }
      switch try bring(original, file, encoding, size: size) {
      case .taken(let taken): return .taken(taken)
      case .unavailable(let flaw): problem = flaw
      }
    }
    // What the repository has lost or let rot, its backup may have kept.
    for encoding in file.encodings {
      if let there = try there(file, encoding), BackedUpContent.flaw(there.file, file, encoding) == nil {
        return .taken(try reuse(there, encoding))
      }
    }
    return .unavailable(problem)
  }

  private typealias There = (file: OpenFile, size: Int)

  private func there(_ file: BackupPlan.File, _ encoding: BlobStore.Encoding) throws -> There? {
    guard let open = try target.open(file.digest, encoding) else { return nil }
    return (open, try open.status().size)
  }

  /// Nobody may have made it durable: a backup that died, or somebody who copied files here.
  private func reuse(_ there: There, _ encoding: BlobStore.Encoding) throws -> Taken {
    if directory != nil { try there.file.sync() }
    return Taken(encoding: encoding, size: there.size, way: .reused)
  }

  private func bring(
    _ original: OpenFile, _ file: BackupPlan.File, _ encoding: BlobStore.Encoding, size: Int
  ) throws -> Outcome {
    guard let directory else { return .taken(Taken(encoding: encoding, size: size, way: .pending)) }
    let final = target.path(file.digest, encoding)
    let temporary = directory.path + "/" + file.digest.hex + encoding.rawValue
    try Files.unlink(temporary)
    let way: Way
    if try link(original, temporary) {
      way = .linked
    } else {
      let made = try OpenFile(temporary, O_RDWR | O_CREAT | O_EXCL, mode: mode | S_IWUSR)
      if try clone(original, made) {
        way = .cloned
      } else if let flaw = try copy(original, made, file, encoding) {
        try Files.unlink(temporary)
        return .unavailable(flaw)
      } else {
        way = .copied
      }
      try made.setMode(mode)
      try made.sync()
    }
    try Files.rename(temporary, to: final)
    brought.withLock { $0.append(final) }
    return .taken(Taken(encoding: encoding, size: size, way: way))
  }

  /// Gives the file one more name; false if that is not possible here, or no longer.
  private func link(_ original: OpenFile, _ name: String) throws -> Bool {
    guard mayLink.load(ordering: .relaxed) else { return false }
    if Glibc.link(original.path, name) == 0 {
      // What was opened, and not what was put in its place.
      if try Files.linkStatus(name)?.identity == original.status().identity { return true }
      try Files.unlink(name)
      return false
    }
    switch errno {
    case ENOENT: break  // gone since it was opened; its bytes are still to be had
    case EMLINK: break  // this one has as many names as it can have
    case EPERM, EACCES: break  // another user's, where that is not allowed
    case EXDEV, EOPNOTSUPP, ENOSYS, EINVAL: mayLink.store(false, ordering: .relaxed)
    default: throw CairnError.system("link to \(original.path)", name)
    }
    return false
  }

  /// Lets the file share the blocks of the original; false if the filesystem cannot.
  private func clone(_ original: OpenFile, _ made: OpenFile) throws -> Bool {
    guard mayClone.load(ordering: .relaxed) else { return false }
    let code = cairn_clone(made.descriptor, original.descriptor)
    switch code {
    case 0: return true
    case ENOSPC, EDQUOT, EIO: throw CairnError.system("clone \(original.path)", made.path, code)
    default:
      mayClone.store(false, ordering: .relaxed)
      return false
    }
  }

  /// Copies the bytes and checks them meanwhile; says what is wrong with them, nil if nothing is.
  private func copy(
    _ original: OpenFile, _ made: OpenFile, _ file: BackupPlan.File, _ encoding: BlobStore.Encoding
  ) throws -> String? {
    if encoding == .zstd {
      // The digest is that of what it decodes to.
      if let flaw = BackedUpContent.flaw(original, file, encoding) { return flaw }
    }
    let size = try original.status().size
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(max(size, 1), 1 << 20), alignment: 4_096)
    defer { buffer.deallocate() }
    var hash = SHA256()
    var done = 0
    while done < size {
      try options.checkCancelled(target.repository)
      let count: Int
      do {
        count = try original.read(into: buffer, at: done)
      } catch let error as CairnError {
        // A bad sector in one file must not keep all others from being backed up.
        return error.message
      }
      if count == 0 { return "it is shorter than it was" }
      let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      if encoding != .zstd { hash.update(bufferPointer: piece) }
      try made.write(piece, at: done)
      done += count
    }
    if encoding != .zstd, Digest(hash.finalize()) != file.digest { return "its content has another digest" }
    return nil
  }
}
