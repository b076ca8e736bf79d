import Glibc

/// The files under `blobs/`: where a blob's file is, whether it is there.
struct BlobStore: Sendable {
  /// The repository's directory.
  let repository: String

  /// Blobs of at most this many bytes share a file, their pack.
  static let packedLimit = 4 * 1024

  /// How a blob's bytes are kept in a file of its own, or that of its pack.
  enum Encoding: String, Sendable, CaseIterable {
    case raw = ""
    case zstd = ".zst"
    case pack = ".pack"
  }

  /// The directory that holds the 256 others.
  var root: String { repository + "/blobs" }

  func directory(_ digest: Digest) -> String { "\(repository)/blobs/\(digest.hex.prefix(2))" }

  func path(_ digest: Digest, _ encoding: Encoding) -> String {
    // With room for all of it, and without a look for characters: a mapped load is mostly the opening of files.
    let hex = digest.hex
    var path = ""
    path.reserveCapacity(repository.utf8.count + hex.utf8.count + 16)
    path += repository
    path += "/blobs/"
    path += Substring(hex.utf8.prefix(2))
    path += "/"
    path += hex
    path += encoding.rawValue
    return path
  }

  /// Where the blob has a file of its own; nil if it has none. A raw file of another size than `length` does not count.
  func ownFile(_ digest: Digest, length: Int) throws -> (encoding: Encoding, size: Int)? {
    if let raw = try status(digest, .raw), raw.size == length { return (.raw, raw.size) }
    if let compressed = try status(digest, .zstd) { return (.zstd, compressed.size) }
    return nil
  }

  /// Of an opened file where a plain stat may be answered from what a network filesystem remembers.
  private func status(_ digest: Digest, _ encoding: Encoding) throws -> FileStatus? {
    // Not what a symbolic link names: nobody would read that.
    if readsDirectories {
      do {
        return try open(digest, encoding)?.status()
      } catch let error as CairnError where error.kind == .damaged {
        return nil
      }
    }
    return try Files.linkStatus(path(digest, encoding)).flatMap { $0.isRegularFile ? $0 : nil }
  }

  /// Whether a pack's file is there.
  func hasPack(_ digest: Digest) throws -> Bool { try Files.linkStatus(path(digest, .pack))?.isRegularFile == true }

  /// Reads a whole file of the store that may be gone; nil then.
  ///
  /// On a network filesystem a name that another host made may be unknown here until the directory has been read.
  func open(_ digest: Digest, _ encoding: Encoding) throws -> OpenFile? { try openWithSize(digest, encoding)?.file }

  /// The same, and how many bytes it has.
  func openWithSize(_ digest: Digest, _ encoding: Encoding) throws -> (file: OpenFile, size: Int)? {
    let path = path(digest, encoding)
    for attempt in 0..<2 {
      do {
        // Who finds its way here by a pointer's word must not be held up by a FIFO.
        let file = try OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        let status = try file.status()
        guard status.isRegularFile else { throw CairnError.damaged(path, "it is no regular file") }
        return (file, status.size)
      } catch let error as CairnError where error.kind == .missing {
        if attempt == 0, readsDirectories { _ = try Files.names(in: directory(digest)) }
      } catch {
        guard try Files.linkStatus(path)?.isRegularFile == false else { throw error }
        throw CairnError.damaged(path, "it is no regular file")
      }
    }
    return nil
  }

  /// Whether a missing file is looked for again after its directory has been read (journal mode `delete`).
  let readsDirectories: Bool

  /// The 256 names of the directories under `blobs/`.
  static var directoryNames: [String] { (0..<256).map { hexDigits(UInt8($0)) } }
}
