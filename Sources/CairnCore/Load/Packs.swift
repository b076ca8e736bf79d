import Glibc
import Synchronization

/// The packs of a repository as one command sees them: their tables, read once, and some of their files, kept open.
final class Packs: Sendable {
  private struct State {
    var tables: [Digest: PackTable] = [:]
    var files: [Digest: OpenFile] = [:]
    /// In which pack each small blob lies: known once all tables have been read.
    var all: [Digest: [Digest]]?
    /// Paths that have been made durable.
    var durable: Set<String> = []
  }

  /// How many files are kept open: descriptors are not Cairn's alone.
  private static let openLimit = 64

  private let blobs: BlobStore
  private let state = Mutex(State())

  init(blobs: BlobStore) { self.blobs = blobs }

  /// A pack's table; nil if its file is not there. Throws if it cannot be read.
  func table(_ pack: Digest) throws -> PackTable? {
    if let known = state.withLock({ $0.tables[pack] }) { return known }
    guard let file = try file(pack) else { return nil }
    let table = try PackTable(try StoredFile(file))
    state.withLock { $0.tables[pack] = table }
    return table
  }

  /// Whether a pack is there, can be read, and holds a blob of that length.
  func holds(_ pack: Digest, _ blob: Digest, length: Int) -> Bool {
    (try? table(pack))??[blob]?.length == length
  }

  /// Fills `buffer`, as long as the blob, from a pack; false if it is not in it.
  func read(_ blob: Digest, from pack: Digest, into buffer: UnsafeMutableRawBufferPointer) throws -> Bool {
    guard let entry = try table(pack)?[blob], entry.length == buffer.count, let file = try file(pack) else {
      return false
    }
    guard try file.read(into: buffer, at: entry.offset) == entry.length else {
      throw CairnError.damaged(file.path, "it is shorter than it was")
    }
    return true
  }

  /// A blob's bytes as they are in a pack; nil if it is not in it.
  func content(_ blob: Digest, from pack: Digest) throws -> [UInt8]? {
    guard let entry = try table(pack)?[blob] else { return nil }
    var bytes = [UInt8](repeating: 0, count: entry.length)
    return try bytes.withUnsafeMutableBytes({ try read(blob, from: pack, into: $0) }) ? bytes : nil
  }

  /// In which packs that can be read a blob lies, whatever manifests and the index say: `gc` may have rewritten the one
  /// that they name. Reads all tables the first time.
  func find(_ blob: Digest) throws -> [Digest] {
    if let all = state.withLock({ $0.all }) { return all[blob] ?? [] }
    var found: [Digest: [Digest]] = [:]
    for name in BlobStore.directoryNames {
      for file in try Files.names(in: "\(blobs.repository)/blobs/\(name)") where file.hasSuffix(".pack") {
        guard let pack = Digest(hex: file.dropLast(".pack".count)), let table = try? table(pack) else { continue }
        for entry in table.entries { found[entry.digest, default: []].append(pack) }
      }
    }
    state.withLock { $0.all = found }
    return found[blob] ?? []
  }

  /// Makes a file of the store durable, name and content; once.
  func makeDurable(_ path: String) throws {
    if state.withLock({ $0.durable.contains(path) }) { return }
    try OpenFile(path, O_RDONLY).sync()
    try Files.syncDirectory(PathName.parent(path))
    state.withLock { _ = $0.durable.insert(path) }
  }

  /// Forgets in which packs blobs lie: one that was not found may have moved since.
  func forgetPlaces() { state.withLock { $0.all = nil } }

  private func file(_ pack: Digest) throws -> OpenFile? {
    if let open = state.withLock({ $0.files[pack] }) { return open }
    guard let file = try blobs.open(pack, .pack) else { return nil }
    state.withLock { state in
      if state.files.count >= Self.openLimit { state.files.removeAll() }
      state.files[pack] = file
    }
    return file
  }
}
