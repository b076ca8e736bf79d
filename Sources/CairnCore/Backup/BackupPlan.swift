import Foundation
import GRDB

/// What a length of the log needs: read from the index in one transaction, whose own position is that length.
///
/// A position in the index was durable in the log before the index came to it, so no lock is needed to fix it.
struct BackupPlan {
  /// A file under `blobs/` in the repository, in whatever form it is there.
  struct File: Sendable, Hashable {
    enum Kind: Sendable {
      /// A blob that has a file of its own.
      case blob
      case manifest
      case pack
    }

    var digest: Digest
    var kind: Kind
    /// A blob's length, as long as a raw file of it is; of others about what they take.
    var size: Int
    /// Whether the index says that it could not be read, so that its content is looked at.
    var isSuspect = false

    static func == (left: File, right: File) -> Bool { left.digest == right.digest && left.kind == right.kind }

    func hash(into hasher: inout Hasher) {
      hasher.combine(digest)
      hasher.combine(kind)
    }

    /// The forms that it may be in, the best first.
    var encodings: [BlobStore.Encoding] {
      switch kind {
      case .blob: [.raw, .zstd]
      case .manifest: [.zstd]
      case .pack: [.pack]
      }
    }
  }

  /// The length, and the line before it.
  var position: Log.Position
  var checkpoints: Int
  /// Whether a manifest cannot be read, so that nobody can say which blobs it needs.
  var hasUnreadable: Bool
  var files: [File]

  init(_ db: Database, _ repository: Repository) throws {
    guard let position = try repository.position(in: db) else {
      throw CairnError.damaged(
        repository.indexPath, "it does not say how far it has come", advice: "run `cairn reindex`")
    }
    self.position = position
    checkpoints = try Int.fetchOne(db, sql: "SELECT count(*) FROM checkpoint") ?? 0
    hasUnreadable = try Repository.hasUnreadableManifest(db)
    var files: [File] = []
    let own = try Row.fetchCursor(
      db,
      sql: """
        SELECT b.digest, b.size, b.stored, m.id IS NOT NULL, coalesce(m.state, 0) FROM blob b LEFT JOIN manifest m ON m.blob_id = b.id
        WHERE b.refs > 0 AND b.pack_id IS NULL ORDER BY b.digest
        """)
    while let row = try own.next() {
      guard let digest = try Digest(bytes: row.value(0) as Data) else { continue }
      let isManifest: Bool = try row.value(3)
      let state: Int = try row.value(4)
      files.append(
        File(
          digest: digest, kind: isManifest ? .manifest : .blob, size: try row.value(isManifest ? 2 : 1),
          isSuspect: state == ManifestState.unreadable.rawValue))
    }
    let packs = try Row.fetchCursor(
      db,
      sql: """
        SELECT p.digest, sum(b.size) FROM blob b JOIN pack p ON p.id = b.pack_id WHERE b.refs > 0
        GROUP BY p.id ORDER BY p.digest
        """)
    while let row = try packs.next() {
      guard let digest = try Digest(bytes: row.value(0) as Data) else { continue }
      files.append(File(digest: digest, kind: .pack, size: try row.value(1)))
    }
    self.files = files
  }

  /// The small blobs that an index says lie in a pack.
  static func blobs(in pack: Digest, _ db: Database) throws -> [(digest: Digest, size: Int)] {
    try Row.fetchAll(
      db,
      sql: "SELECT b.digest, b.size FROM blob b JOIN pack p ON p.id = b.pack_id WHERE p.digest = ? AND b.refs > 0",
      arguments: [pack.data]
    ).compactMap { row in try Digest(bytes: row.value(0) as Data).map { ($0, try row.value(1)) } }
  }
}
